"""Settings come from defaults, file, environment and command line, and a wrong one is blamed where it stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from otelpond.config.settings import Settings
from otelpond.config.sources import SettingsError, Sources, check, line_of, load, read


@pytest.fixture(autouse=True)
def _empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without otelpond.toml, and no variables of ours."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OTELPOND_") or name in Settings.document_variables]:
        monkeypatch.delenv(name)


def _mistake(text: str) -> str:
    Path("otelpond.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load()
    return str(caught.value)


def test_defaults_listen_on_this_machine_only() -> None:
    """Without any source the pond is ./pond, and nothing listens beyond this machine."""
    settings = load()
    assert Path("pond") == settings.data
    assert ("127.0.0.1:4317", "127.0.0.1:4318", "127.0.0.1:13133") == (settings.grpc, settings.http, settings.admin)
    assert {} == settings.wide_addresses


def test_stronger_sources_win_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """File over defaults, environment over file, command line over all; tables are merged, not replaced."""
    Path("otelpond.toml").write_text(
        'grpc = "127.0.0.1:1"\nhttp = "127.0.0.1:2"\nadmin = "127.0.0.1:3"\n[keep_days]\napm = 5\nerrors = 6\n', encoding="utf-8"
    )
    monkeypatch.setenv("OTELPOND_HTTP", "127.0.0.1:22")
    monkeypatch.setenv("OTELPOND_ADMIN", "127.0.0.1:33")
    monkeypatch.setenv("OTELPOND_KEEP_DAYS__ERRORS", "66")
    settings = load(options={"admin": "127.0.0.1:333", "data": None})
    assert ("127.0.0.1:1", "127.0.0.1:22", "127.0.0.1:333") == (settings.grpc, settings.http, settings.admin)
    assert (90, 5, 66) == (settings.keep_days.signals, settings.keep_days.apm, settings.keep_days.errors)


def test_the_documents_variables_are_read_and_ours_are_stronger(monkeypatch: pytest.MonkeyPatch) -> None:
    """APM_SLOW_API_THRESHOLD_MS and APM_SLOW_QUERY_THRESHOLD_MS set the thresholds, unless OTELPOND_* does."""
    monkeypatch.setenv("APM_SLOW_API_THRESHOLD_MS", "250")
    monkeypatch.setenv("APM_SLOW_QUERY_THRESHOLD_MS", "750")
    monkeypatch.setenv("OTELPOND_SLOW_QUERY_THRESHOLD_MS", "800")
    assert (250.0, 800.0) == (load().slow_api_threshold_ms, load().slow_query_threshold_ms)


def test_sizes_take_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """A size is a number of bytes, or a text with a unit."""
    monkeypatch.setenv("OTELPOND_MAX_BODY_BYTES", "8 MiB")
    assert 8 * 2**20 == load().max_body_bytes


def test_paths_in_a_file_are_relative_to_it() -> None:
    """A configuration elsewhere names its folders from where it stands; the environment names them from here."""
    Path("etc").mkdir()
    Path("etc/pond.toml").write_text('data = "water"\ntables = ["own", "/abs"]\n', encoding="utf-8")
    settings = load(Path("etc/pond.toml"))
    assert Path("etc/water") == settings.data
    assert [Path("etc/own"), Path("/abs")] == settings.tables


def test_the_environment_lists_folders_like_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTELPOND_TABLES separates folders as PATH does."""
    monkeypatch.setenv("OTELPOND_TABLES", os.pathsep.join(["a", "b"]))
    assert [Path("a"), Path("b")] == load().tables


def test_otelpond_config_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTELPOND_CONFIG is used where --config is not given, and must exist."""
    Path("other.toml").write_text("batch_items = 7\n", encoding="utf-8")
    monkeypatch.setenv("OTELPOND_CONFIG", "other.toml")
    assert 7 == load().batch_items
    monkeypatch.setenv("OTELPOND_CONFIG", "gone.toml")
    with pytest.raises(SettingsError, match=r"gone\.toml: the configuration cannot be read: No such file"):
        load()


def test_an_unknown_key_is_named_with_its_line_and_the_likely_one() -> None:
    """A typing error is found, not ignored."""
    assert "otelpond.toml:2: grcp: no such setting; did you mean grpc?" == _mistake('data = "x"\ngrcp = "127.0.0.1:1"\n')
    assert "otelpond.toml:3: keep_days.signal: no such setting; did you mean signals?" == _mistake("[keep_days]\n\nsignal = 4\n")


def test_a_wrong_value_says_what_was_expected() -> None:
    """Type and form errors say file, line, key, expectation and what stands there."""
    assert "otelpond.toml:1: http: expected HOST:PORT, such as 127.0.0.1:4317, got 'x'" == _mistake('http = "x"\n')
    assert "otelpond.toml:1: max_body_bytes: expected bytes, such as 67108864 or '64 MiB', got 'big'" == _mistake('max_body_bytes = "big"')
    assert "otelpond.toml:2: keep_days.apm: expected greater than or equal to 0, got -1" == _mistake("[keep_days]\napm = -1\n")


def test_every_mistake_is_reported_at_once() -> None:
    """One run shows all there is to mend, a line each."""
    assert 2 == len(_mistake('http = "x"\nbatch_items = 0\n').splitlines())


def test_mistakes_of_all_sources_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """File, variables and options; a variable that is unknown or unreadable hides nothing."""
    monkeypatch.setenv("OTELPOND_GPRC", "x")
    monkeypatch.setenv("OTELPOND_BATCH_ITMS", "x")
    monkeypatch.setenv("OTELPOND_KEEP_DAYS", "{")
    Path("otelpond.toml").write_text('htp = "x"\nbatch_items = 0\n', encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(options={"admin": "nowhere"})
    places = {line.split(": ")[0] for line in str(caught.value).splitlines()}
    assert {"OTELPOND_GPRC", "OTELPOND_BATCH_ITMS", "OTELPOND_KEEP_DAYS", "otelpond.toml:1", "otelpond.toml:2", "--admin"} == places


def test_values_over_many_lines_mislead_nobody() -> None:
    """Keys inside texts and lists are none; a wrong element is blamed on its own line."""
    text = 'tables = [\n  "own",  # with ] in a comment\n  5,\n]\n'
    text += 'data = """\nhttp = "x"\n"""\nhttp = "y"\n[redact]\npatterns = [\n"a", "b",\n7\n]\n'
    lines = _mistake(text).splitlines()
    assert ["otelpond.toml:8", "otelpond.toml:3", "otelpond.toml:12"] == [line.split(": ")[0] for line in lines]


def test_a_key_in_an_inline_table_is_found() -> None:
    """Also where several rules stand in one list."""
    text = 'drop = [\n  {signal = "logs", where = "true"},\n  {signal = "log", where = "true"},\n]\nkeep_days = {apm = 1,\n"sgnals" = 2}\n'
    places = {line.split(": ")[1]: line.split(": ")[0] for line in _mistake(text.replace(',\n"sgnals"', ', "sgnals"')).splitlines()}
    assert {"drop.1.signal": "otelpond.toml:3", "keep_days.sgnals": "otelpond.toml:5"} == places


def test_rules_are_found_by_their_number() -> None:
    """The second [[drop]] is blamed where the second [[drop]] stands."""
    text = '[[drop]]\nsignal = "traces"\nwhere = "true"\n\n[[drop]]\nsignal = "traces"\nwher = "true"\n'
    assert "otelpond.toml:7: drop.1.wher: no such setting; did you mean where?" in _mistake(text).splitlines()


def test_broken_toml_names_the_line() -> None:
    """What is not TOML at all is said with its line."""
    assert _mistake('data = "x"\ngrpc = \n').startswith("otelpond.toml:2: not TOML: Invalid value")


def test_a_wrong_variable_is_named_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value from the environment is blamed on its variable, one of another name too."""
    monkeypatch.setenv("OTELPOND_KEEP_DAYS__APM", "many")
    with pytest.raises(SettingsError, match=r"^OTELPOND_KEEP_DAYS__APM: keep_days.apm: expected a valid integer"):
        load()
    monkeypatch.delenv("OTELPOND_KEEP_DAYS__APM")
    monkeypatch.setenv("APM_SLOW_API_THRESHOLD_MS", "slow")
    with pytest.raises(SettingsError, match=r"^APM_SLOW_API_THRESHOLD_MS: slow_api_threshold_ms: expected a valid number"):
        load()


def test_a_whole_table_in_the_environment_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a variable holds a whole table, it is JSON, and is refused by name where it is not."""
    monkeypatch.setenv("OTELPOND_KEEP_DAYS", '{"apm": 3}')
    assert 3 == load().keep_days.apm
    monkeypatch.setenv("OTELPOND_KEEP_DAYS", "3")
    with pytest.raises(SettingsError, match=r"^OTELPOND_KEEP_DAYS"):
        load()


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTELPOND_GPRC is a typing error, not something to ignore."""
    monkeypatch.setenv("OTELPOND_GPRC", "127.0.0.1:1")
    with pytest.raises(SettingsError, match="OTELPOND_GPRC: no such setting; did you mean OTELPOND_GRPC"):
        load()


def test_an_option_is_blamed_as_the_option() -> None:
    """What came from the command line is named as it was typed there."""
    with pytest.raises(SettingsError, match=r"^--grpc: grpc: expected HOST:PORT"):
        load(options={"grpc": "nowhere"})


@pytest.mark.parametrize("address", ["localhost", ":4317", "a:b", "127.0.0.1:65536", "::1:4317", ""])
def test_addresses_need_host_and_port(address: str) -> None:
    """What is not HOST:PORT is refused."""
    with pytest.raises(SettingsError):
        check(Sources(in_options={"grpc": address}))


@pytest.mark.parametrize(
    ("address", "wide"),
    [("127.0.0.1:1", False), ("localhost:1", False), ("[::1]:1", False), ("127.9.9.9:1", False), ("0.0.0.0:1", True), ("[::]:1", True)],
)
def test_what_others_can_reach_is_known(address: str, wide: bool) -> None:
    """Loopback addresses are narrow, everything else is wide; a name that is not localhost as well."""
    assert wide == bool(Settings(grpc=address).wide_addresses)
    assert {"http": "pond.example:80"} == Settings(http="pond.example:80").wide_addresses


def test_every_setting_has_a_sentence() -> None:
    """The list of settings is their documentation."""
    assert [] == [name for name, setting in Settings.model_fields.items() if not setting.description]


def test_origins_are_known_for_right_settings_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """`otelpond check` can say where each value came from."""
    Path("otelpond.toml").write_text("\nbatch_items = 7\n", encoding="utf-8")
    monkeypatch.setenv("OTELPOND_GRPC", "127.0.0.1:1")
    sources = read(options={"data": Path("x")})
    origins = [sources.origin((name,)) for name in ("batch_items", "grpc", "data", "http")]
    assert ["otelpond.toml:2", "OTELPOND_GRPC", "--data", "default"] == origins


def test_a_line_that_cannot_be_found_is_the_nearest_table() -> None:
    """A missing key is blamed on the table that should hold it."""
    assert 2 == line_of(("a = 1", "[keep_days]", "apm = 1"), ("keep_days", "signals"))
