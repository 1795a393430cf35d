"""What a cloud is decided to be, and what is written of it."""

from __future__ import annotations

import configparser
import json
import socket
import stat
from pathlib import Path

import pytest
import yaml

from devstack_lite import cloud as clouds
from devstack_lite import cloud_files, planning, ports, processes
from devstack_lite.broker import choose, compose
from devstack_lite.cloud import Cloud, CloudError
from devstack_lite.conf import STANDARD_PORTS
from devstack_lite.paths import DEPLOY
from devstack_lite.planning import Wishes

BROKER = "amqp://user:pa%24s@broker.example:5673/%2F"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEVSTACK_LITE_HOME", str(tmp_path))
    return tmp_path


def make(name: str = "one", **wishes: object) -> Cloud:
    cloud = planning.plan(Wishes(**{"name": name, "broker": BROKER} | wishes))  # type: ignore[arg-type]
    cloud.save()
    cloud_files.write_all(cloud)
    return cloud


def read_config(cloud: Cloud, name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(cloud.etc_dir / f"{name}.conf")
    return parser


def test_a_record_survives_writing_and_reading() -> None:
    """What is saved is what is loaded."""
    cloud = make()
    assert clouds.find("one") == cloud
    assert list(clouds.every()) == [cloud]


def test_everything_is_the_owners_alone() -> None:
    """Folders are 0700 and files 0600."""
    cloud = make()
    paths = [cloud.state_dir, *cloud.state_dir.rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in paths}
    assert {path: 0o700 if path.is_dir() else 0o600 for path in paths} == modes


def test_the_conductor_alone_may_write() -> None:
    """Its file has the writer's URL; others have a reader's; a compute host has none."""
    cloud = make()
    found = {
        one.name: read_config(cloud, one.name).get("database", "connection", fallback=None)
        for one in processes.of(cloud)
    }
    path = cloud.state_dir / "devstack.sqlite"
    reader = f"sqlite:///file:{path}?mode=ro&uri=true"
    expected = dict.fromkeys(found, reader) | {"conductor": f"sqlite:///{path}"}
    expected |= {f"compute-{host}": None for host in cloud.hosts}
    assert found == expected


def test_a_compute_host_knows_no_password_but_the_brokers() -> None:
    """Neither the database's address nor any user's password is in its file."""
    cloud = make(database="postgresql+psycopg2://boss:hidden@db/nova")
    text = (cloud.etc_dir / "compute-host1.conf").read_text()
    secret = [*vars_of(cloud.secrets), "hidden", "boss", "nova"]
    assert [word for word in secret if word in text] == []


def vars_of(secrets: clouds.Secrets) -> list[str]:
    return [getattr(secrets, name) for name in secrets.__slots__]


def test_a_server_database_gets_a_reader() -> None:
    """The URL given is the conductor's; the others' names a role that the bootstrap makes."""
    cloud = make(name="two-b", database="postgresql+psycopg2://boss:hidden@db:5433/nova?a=b")
    settings = cloud.seed_settings()
    assert settings.reader_user == "devstack_two_b_reader"
    assert settings.database_url == "postgresql+psycopg2://boss:hidden@db:5433/nova?a=b"
    login = f"devstack_two_b_reader:{settings.reader_password}"
    assert settings.reader_url == f"postgresql+psycopg2://{login}@db:5433/nova?a=b"
    assert read_config(cloud, "api")["database"]["connection"] == settings.reader_url


@pytest.mark.parametrize("url", ["sqlite:////tmp/x", "nonsense", "postgresql:///socketless"])
def test_another_database_is_refused(url: str) -> None:
    """Only server databases can be given."""
    with pytest.raises(CloudError, match="--database takes"):
        make(database=url)


def test_a_dollar_in_a_value_is_kept() -> None:
    """oslo.config reads `$` as a reference unless it is doubled."""
    transport_url = read_config(make(), "api")["DEFAULT"]["transport_url"]
    assert transport_url == "rabbit://user:pa%24s@broker.example:5673/"
    assert cloud_files.render({"a": {"b": "x$y"}}, "t").endswith("b = x$$y\n")


def test_every_option_written_is_declared() -> None:
    """A misspelt option would be ignored without a word."""
    from oslo_config import cfg
    from oslo_log import log
    from oslo_messaging._drivers import impl_rabbit
    from oslo_policy import opts

    from devstack_lite import conf as options

    conf = options.register(cfg.ConfigOpts())
    log.register_options(conf)
    conf.register_opts([cfg.StrOpt("transport_url")])
    conf.register_opts(impl_rabbit.rabbit_opts, group="oslo_messaging_rabbit")
    opts._register(conf)
    cloud = make()
    for one in processes.of(cloud):
        for section, values in cloud_files.sections_of(cloud, one).items():
            declared = conf if section == "DEFAULT" else conf[section]
            assert [key for key in values if key not in declared] == [], (one.name, section)


def test_the_default_cloud_has_the_standard_ports() -> None:
    """devstack is where OpenStack's documentation says, if nobody is there."""
    if ports.listening(STANDARD_PORTS.values()):
        pytest.skip("a standard port is taken on this machine")
    assert make("devstack").ports == STANDARD_PORTS


def test_a_taken_port_is_named() -> None:
    """One sentence names the port and the way out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        with pytest.raises(CloudError, match=rf"Port {port}, which identity needs.*--port-base"):
            make(port_base=port)


def test_a_block_has_a_fixed_order() -> None:
    """--port-base P gives P identity, then api, volume, image, …, P+6 metadata."""
    base = ports.choose("x", is_default=False, base=None, reserved=set(), listen="127.0.0.1")
    first = base["identity"]
    assert make(port_base=first).ports == {
        "identity": first,
        "api": first + 1,
        "volume": first + 2,
        "image": first + 3,
        "network": first + 4,
        "placement": first + 5,
        "metadata": first + 6,
    }


def test_clouds_get_different_blocks() -> None:
    """A cloud that is down keeps its ports from others."""
    seen: set[int] = set()
    for name in ("a", "b", "c", "d"):
        own = set(make(name).ports.values())
        assert not own & seen
        seen |= own


def test_a_second_up_keeps_what_is_not_asked_for_anew() -> None:
    """Passwords, ports and database stay; the given options replace what was recorded."""
    before = make(hosts=5, profile="realistic")
    after = make(hosts=2)
    assert (len(before.hosts), len(after.hosts)) == (5, 2)
    assert after.profile == "realistic"
    assert (after.secrets, after.ports, after.broker) == (
        before.secrets,
        before.ports,
        before.broker,
    )
    assert not (after.etc_dir / "compute-host5.conf").exists()


@pytest.mark.parametrize("name", ["", "Big", "a/b", "..", "9lives", "x" * 33])
def test_a_name_that_cannot_be_a_folder_is_refused(name: str) -> None:
    """Names become folder, node, vhost and role names."""
    with pytest.raises(CloudError, match="cannot name a cloud"):
        clouds.state_dir_of(name)


def test_clouds_yaml_has_both_users() -> None:
    """admin's entry has the cloud's name, demo's has -demo behind it."""
    cloud = make()
    entries = yaml.safe_load((cloud.state_dir / "clouds.yaml").read_text())["clouds"]
    assert sorted(entries) == ["one", "one-demo"]
    assert entries["one"]["auth"]["password"] == cloud.secrets.admin_password
    assert entries["one-demo"]["auth"]["project_name"] == "demo"


def test_auto_is_docker_where_an_engine_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an engine auto is local; docker without one is refused in one sentence."""
    monkeypatch.setattr(choose.local, "find_server", lambda: Path("/server"))
    monkeypatch.setattr(compose, "engine_answers", lambda: True)
    assert choose.choose("auto", "one").kind == "docker"
    monkeypatch.setattr(compose, "engine_answers", lambda: False)
    assert choose.choose("auto", "one").kind == "local"
    with pytest.raises(CloudError, match="No docker engine"):
        choose.choose("docker", "one")


@pytest.mark.parametrize("wish", ["http://x/", "amqp://", "amqp://host:0/x", "rabbitmq"])
def test_a_wish_that_is_no_broker_is_refused(wish: str) -> None:
    """The sentence says what could be given."""
    with pytest.raises(CloudError, match="is not a broker"):
        choose.choose(wish, "one")


def test_compose_file_gets_every_variable_it_asks_for() -> None:
    """The file's required variables are those that the environment gives."""
    text = (DEPLOY / "docker-compose.yaml").read_text()
    record = choose.external.parse("amqp://u:p@127.0.0.1:5999/v")
    given = compose.environment(record)
    import re

    required = set(re.findall(r"\$\{(\w+):\?\}", text))
    assert required <= set(given)
    assert given["DEVSTACK_LITE_BROKER_PORT"] == "5999"
    service = yaml.safe_load(text)["services"]["rabbitmq"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    for volume in service["volumes"]:
        source = volume.split(":")[0]
        assert not source.startswith("./") or (DEPLOY / source).exists()


def test_a_node_that_starts_again_keeps_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user is in the node's data; the ports change where they are taken."""
    monkeypatch.setattr(choose.local, "find_server", lambda: Path("/server"))
    before = choose.choose("local", "one")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", before.port))
        taken.listen()
        after = choose.choose("local", "one", before=before)
    assert after.port != before.port
    assert (after.user, after.password, after.vhost) == (
        before.user,
        before.password,
        before.vhost,
    )


def test_an_old_record_gets_what_it_lacks() -> None:
    """A cloud that was made without an API has it at the next start, in its own block."""
    before = make()
    path = before.state_dir / "cloud.json"
    record = json.loads(path.read_text())
    for name in ("placement", "metadata"):
        del record["ports"][name], record["workers"][name]
    del record["secrets"]["metadata_proxy_shared_secret"]
    path.write_text(json.dumps(record))
    found = clouds.load(before.state_dir)
    assert found is not None
    assert found.ports["placement"] == found.ports["identity"] + 5
    assert found.ports["metadata"] == found.ports["identity"] + 6
    assert (found.workers["placement"], found.workers["metadata"]) == (1, 1)
    assert len(make().secrets.metadata_proxy_shared_secret) == 32
