"""What a flavor asks of a node's PCI devices, and which fit. Nothing here reads or writes."""
