"""RPC over oslo.messaging: how an interface is declared, called and served."""
