"""The life of a domain: libvirt's rules, its error codes, and its states and reasons."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from hypothesis.strategies import sampled_from

from fake_hypervisor import libvirt

Connect = Callable[..., libvirt.virConnect]
MakeXml = Callable[..., str]

U1 = str(uuid.UUID(int=1))
U2 = str(uuid.UUID(int=2))


def code_of(call: Callable[..., Any], *arguments: Any) -> int | None:
    """Return the libvirt error code that a call ends in, None when it succeeds."""
    try:
        call(*arguments)
    except libvirt.libvirtError as exc:
        return exc.get_error_code()
    return None


def test_a_defined_domain_is_off_and_persistent(
    conn: libvirt.virConnect, make_xml: MakeXml
) -> None:
    """defineXML stores a domain that is shut off, persistent, and found by uuid and name."""
    domain = conn.defineXML(make_xml("one", U1, memory_mb=512, vcpus=2))
    assert domain.state() == [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_UNKNOWN]
    assert (domain.isActive(), domain.isPersistent(), domain.ID()) == (0, 1, -1)
    assert domain.info()[1:] == [512 * 1024, 512 * 1024, 2, 0]
    assert conn.lookupByName("one").UUIDString() == U1
    assert conn.lookupByUUIDString(U1.upper()).name() == "one"
    assert conn.listDefinedDomains() == ["one"]


STATES: list[tuple[list[str], list[int]]] = [
    (["create"], [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED]),
    (["create", "suspend"], [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER]),
    (
        ["create", "suspend", "suspend"],
        [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER],
    ),
    (
        ["create", "suspend", "resume"],
        [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_UNPAUSED],
    ),
    (["create", "destroy"], [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED]),
    (["create", "shutdown"], [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN]),
    (["create", "reboot"], [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED]),
    (["create", "reset"], [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED]),
    (["create", "managedSave"], [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SAVED]),
    (
        ["create", "managedSave", "create"],
        [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED],
    ),
]


@pytest.mark.parametrize(("calls", "expected"), STATES, ids=lambda v: "-".join(map(str, v)))
def test_state_and_reason(
    conn: libvirt.virConnect, make_xml: MakeXml, calls: list[str], expected: list[int]
) -> None:
    """Each sequence of calls ends in libvirt's state and reason."""
    domain = conn.defineXML(make_xml("one", U1))
    for call in calls:
        assert getattr(domain, call)() == 0
    assert domain.state() == expected


INVALID = libvirt.VIR_ERR_OPERATION_INVALID
REFUSALS: list[tuple[list[str], str, int]] = [
    ([], "destroy", INVALID),
    ([], "shutdown", INVALID),
    ([], "reboot", INVALID),
    ([], "reset", INVALID),
    ([], "suspend", INVALID),
    ([], "resume", INVALID),
    ([], "managedSave", INVALID),
    ([], "memoryStats", INVALID),
    (["create"], "create", INVALID),
    (["create"], "resume", INVALID),
    (["create", "suspend"], "create", INVALID),
    (["create", "destroy"], "destroy", INVALID),
    (["create", "managedSave"], "undefine", INVALID),
    (["create", "undefine"], "undefine", INVALID),
    (["create", "undefine"], "managedSave", INVALID),
    (["create", "undefine", "destroy"], "state", libvirt.VIR_ERR_NO_DOMAIN),
    (["undefine"], "create", libvirt.VIR_ERR_NO_DOMAIN),
    (["undefine"], "destroy", libvirt.VIR_ERR_NO_DOMAIN),
    (["undefine"], "undefine", libvirt.VIR_ERR_NO_DOMAIN),
    (["undefine"], "XMLDesc", libvirt.VIR_ERR_NO_DOMAIN),
]


@pytest.mark.parametrize(("before", "call", "code"), REFUSALS)
def test_refused_calls(
    conn: libvirt.virConnect, make_xml: MakeXml, before: list[str], call: str, code: int
) -> None:
    """A call that the state forbids raises libvirt's code and changes nothing."""
    domain = conn.defineXML(make_xml("one", U1))
    for step in before:
        getattr(domain, step)()
    rows = conn.hypervisor.list_domains("node-1")
    assert code_of(getattr(domain, call)) == code
    assert conn.hypervisor.list_domains("node-1") == rows


DOCUMENTS: list[tuple[str, int]] = [
    ("<domain", libvirt.VIR_ERR_XML_DETAIL),
    ("<network/>", libvirt.VIR_ERR_XML_ERROR),
    ("<domain><name>q</name></domain>", libvirt.VIR_ERR_INTERNAL_ERROR),
    ("<domain type='kvm'/>", libvirt.VIR_ERR_NO_NAME),
    ("<domain type='kvm'><name>a/b</name></domain>", libvirt.VIR_ERR_XML_ERROR),
    ("<domain type='kvm'><name>q</name></domain>", libvirt.VIR_ERR_XML_ERROR),
    (
        "<domain type='kvm'><name>q</name><os><type>hvm</type></os></domain>",
        libvirt.VIR_ERR_XML_ERROR,
    ),
    (
        (
            "<domain type='kvm'><name>q</name><memory unit='hands'>1</memory>"
            "<os><type>hvm</type></os></domain>"
        ),
        libvirt.VIR_ERR_XML_ERROR,
    ),
    (
        (
            "<domain type='kvm'><name>q</name><memory>1</memory><vcpu>0</vcpu>"
            "<os><type>hvm</type></os></domain>"
        ),
        libvirt.VIR_ERR_XML_ERROR,
    ),
    (
        (
            "<domain type='kvm'><name>q</name><uuid>zz</uuid><memory>1</memory>"
            "<os><type>hvm</type></os></domain>"
        ),
        libvirt.VIR_ERR_INTERNAL_ERROR,
    ),
]


@pytest.mark.parametrize(("document", "code"), DOCUMENTS)
def test_bad_documents(conn: libvirt.virConnect, document: str, code: int) -> None:
    """A document that libvirt refuses is refused with its code, defined or created."""
    assert code_of(conn.defineXML, document) == code
    assert code_of(conn.createXML, document) == code
    assert conn.listAllDomains() == []


def test_errors_carry_libvirts_tuple(conn: libvirt.virConnect) -> None:
    """An error tells code, domain, level and the prefixed text, as libvirt's binding does."""
    with pytest.raises(libvirt.libvirtError) as caught:
        conn.lookupByUUIDString(U1)
    error = caught.value
    assert error.get_error_code() == 42
    assert error.get_error_domain() == libvirt.VIR_FROM_QEMU
    assert error.get_error_level() == libvirt.VIR_ERR_ERROR
    assert error.get_error_message() == str(error)
    assert str(error).startswith("Domain not found: ")
    assert code_of(conn.lookupByUUIDString, "nonsense") == libvirt.VIR_ERR_INVALID_ARG
    assert code_of(conn.lookupByName, "nobody") == libvirt.VIR_ERR_NO_DOMAIN
    assert libvirt.libvirtError("local").get_error_code() is None


def test_same_uuid_and_name_redefines(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """Only the pair of uuid and name redefines; one without the other is an error."""
    conn.defineXML(make_xml("one", U1, memory_mb=64))
    assert conn.defineXML(make_xml("one", U1, memory_mb=128)).maxMemory() == 128 * 1024
    assert code_of(conn.defineXML, make_xml("one", U2)) == libvirt.VIR_ERR_OPERATION_FAILED
    assert code_of(conn.defineXML, make_xml("two", U1)) == libvirt.VIR_ERR_OPERATION_FAILED
    assert len(conn.listAllDomains()) == 1


def test_redefining_a_running_domain_takes_effect_when_it_stops(
    conn: libvirt.virConnect, make_xml: MakeXml
) -> None:
    """The guest keeps what it was started with; the definition is the new one."""
    domain = conn.defineXML(make_xml("one", U1, memory_mb=64))
    domain.create()
    conn.defineXML(make_xml("one", U1, memory_mb=128))
    assert domain.maxMemory() == 64 * 1024
    assert ">64<" in domain.XMLDesc()
    assert ">128<" in domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    domain.destroy()
    assert domain.maxMemory() == 128 * 1024
    assert ">128<" in domain.XMLDesc()


def test_a_transient_domain_is_gone_when_it_stops(
    conn: libvirt.virConnect, make_xml: MakeXml
) -> None:
    """createXML starts a guest without a definition, which shutdown and destroy both end."""
    for end in ("destroy", "shutdown"):
        domain = conn.createXML(make_xml("one", U1))
        assert (domain.isActive(), domain.isPersistent()) == (1, 0)
        assert code_of(conn.createXML, make_xml("one", U1)) == INVALID
        getattr(domain, end)()
        assert code_of(conn.lookupByUUIDString, U1) == libvirt.VIR_ERR_NO_DOMAIN


def test_create_xml_over_a_definition_keeps_it(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """createXML of a persistent domain that is off starts it; the definition stays."""
    conn.defineXML(make_xml("one", U1, memory_mb=64))
    domain = conn.createXML(make_xml("one", U1, memory_mb=128))
    assert (domain.isPersistent(), domain.maxMemory()) == (1, 128 * 1024)
    domain.destroy()
    assert (domain.isActive(), domain.maxMemory()) == (0, 64 * 1024)


def test_undefining_a_running_domain_makes_it_transient(
    conn: libvirt.virConnect, make_xml: MakeXml
) -> None:
    """The guest goes on; defining it again makes it persistent again."""
    domain = conn.defineXML(make_xml("one", U1))
    domain.create()
    domain.undefine()
    assert (domain.isActive(), domain.isPersistent()) == (1, 0)
    conn.defineXML(make_xml("one", U1))
    assert (domain.isActive(), domain.isPersistent()) == (1, 1)


def test_start_flags(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """A guest can start paused, or afresh in spite of a saved image; other flags are refused."""
    domain = conn.defineXML(make_xml("one", U1))
    domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    assert domain.state() == [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER]
    domain.managedSave()
    assert domain.hasManagedSaveImage() == 1
    domain.createWithFlags(libvirt.VIR_DOMAIN_START_FORCE_BOOT)
    assert domain.state() == [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED]
    assert domain.hasManagedSaveImage() == 0
    domain.destroy()
    autodestroy = libvirt.VIR_DOMAIN_START_AUTODESTROY
    assert code_of(domain.createWithFlags, autodestroy) == libvirt.VIR_ERR_INVALID_ARG
    domain.create()
    domain.managedSave()
    domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)
    assert conn.listAllDomains() == []


def test_list_flags(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """Within a group of flags any will do, and every group must hold."""
    conn.defineXML(make_xml("off"))
    conn.defineXML(make_xml("on")).create()
    conn.createXML(make_xml("transient"))
    conn.createXML(make_xml("paused")).suspend()

    def names(flags: int) -> list[str]:
        return [domain.name() for domain in conn.listAllDomains(flags)]

    active, inactive = (
        libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE,
        libvirt.VIR_CONNECT_LIST_DOMAINS_INACTIVE,
    )
    assert names(0) == ["off", "on", "paused", "transient"]
    assert names(active) == ["on", "paused", "transient"]
    assert names(active | inactive) == names(0)
    assert names(active | libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT) == ["on"]
    assert names(libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED) == ["paused"]
    assert (conn.numOfDomains(), conn.numOfDefinedDomains()) == (3, 1)
    assert len(conn.listDomainsID()) == 3
    assert conn.lookupByID(conn.listDomainsID()[0]).isActive() == 1


def test_nodes_do_not_see_each_other(connect: Connect, make_xml: MakeXml) -> None:
    """The same uuid and name may live on two nodes of one store."""
    first, second = connect("a"), connect("b")
    first.defineXML(make_xml("one", U1))
    assert second.listAllDomains() == []
    second.createXML(make_xml("one", U1))
    assert first.lookupByUUIDString(U1).isActive() == 0


def test_ids_are_never_given_twice(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """Each start gives a new, larger number, which stands in the document."""
    domain = conn.defineXML(make_xml("one", U1))
    seen = []
    for _ in range(3):
        domain.create()
        seen.append(domain.ID())
        assert domain.XMLDesc().startswith(f'<domain id="{seen[-1]}" ')
        domain.destroy()
    assert seen == sorted(set(seen))
    assert " id=" not in domain.XMLDesc().split(">")[0]


def test_autostart(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """Autostart is remembered for persistent domains and refused for transient ones."""
    domain = conn.defineXML(make_xml("one", U1))
    domain.setAutostart(1)
    assert domain.autostart() == 1
    assert code_of(conn.createXML(make_xml("two")).setAutostart, 1) == INVALID


class DomainModel(RuleBasedStateMachine):
    """Any sequence of calls agrees with a model of four lines of state."""

    connect: Connect
    make_xml: MakeXml
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        DomainModel.runs += 1
        self.conn = type(self).connect(f"node-{DomainModel.runs}")
        self.domain = libvirt.virDomain(self.conn, U1, "one")
        self.state: int | None = None
        self.is_persistent = False

    @rule()
    def define(self) -> None:
        assert code_of(self.conn.defineXML, type(self).make_xml("one", U1)) is None
        self.state = self.state or libvirt.VIR_DOMAIN_SHUTOFF
        self.is_persistent = True

    @rule()
    def create_transient(self) -> None:
        running = self.state not in {None, libvirt.VIR_DOMAIN_SHUTOFF}
        expected = INVALID if running else None
        assert code_of(self.conn.createXML, type(self).make_xml("one", U1)) == expected
        if not running:
            self.state = libvirt.VIR_DOMAIN_RUNNING

    @rule(call=sampled_from(["create", "destroy", "shutdown", "suspend", "resume", "reset"]))
    def change(self, call: str) -> None:
        off, on, paused = (
            libvirt.VIR_DOMAIN_SHUTOFF,
            libvirt.VIR_DOMAIN_RUNNING,
            libvirt.VIR_DOMAIN_PAUSED,
        )
        after = {
            "create": {off: on},
            "destroy": {on: off, paused: off},
            "shutdown": {on: off, paused: off},
            "suspend": {on: paused, paused: paused},
            "resume": {paused: on},
            "reset": {on: on, paused: paused},
        }[call]
        code = code_of(getattr(self.domain, call))
        if self.state is None:
            assert code == libvirt.VIR_ERR_NO_DOMAIN
        elif self.state not in after:
            assert code == INVALID
        else:
            assert code is None
            self.state = after[self.state]
            if self.state == off and not self.is_persistent:
                self.state = None

    @rule()
    def undefine(self) -> None:
        code = code_of(self.domain.undefine)
        if self.state is None:
            assert code == libvirt.VIR_ERR_NO_DOMAIN
        elif not self.is_persistent:
            assert code == INVALID
        else:
            assert code is None
            self.is_persistent = False
            if self.state == libvirt.VIR_DOMAIN_SHUTOFF:
                self.state = None

    @invariant()
    def agrees(self) -> None:
        if self.state is None:
            self.is_persistent = False
            assert code_of(self.domain.state) == libvirt.VIR_ERR_NO_DOMAIN
        else:
            assert self.domain.state()[0] == self.state
            assert self.domain.isPersistent() == int(self.is_persistent)
            assert (self.domain.ID() > 0) == (self.state != libvirt.VIR_DOMAIN_SHUTOFF)


def test_any_sequence_of_calls(connect: Connect, make_xml: MakeXml) -> None:
    """Hypothesis finds no sequence of calls that the model does not foresee."""
    DomainModel.connect = staticmethod(connect)
    DomainModel.make_xml = staticmethod(make_xml)
    run_state_machine_as_test(
        DomainModel,
        settings=settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
