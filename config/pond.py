"""Opens ponds' storage as the settings say: tables, lake, deriver, decoders; used by the pipeline's process and by import."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..storage.access.tenants import pond_folder
from ..storage.addresses import AddressHasher
from ..storage.decode import kernels, reference
from ..storage.decode.payloads import Rules
from ..storage.decode.warming import WarmingDecoder, warm
from ..storage.derive import Deriver, DeriveSettings
from ..storage.durable import make_folder
from ..storage.events.page_slugs import load_page_slugs
from ..storage.events.reading import EventSettings
from ..storage.events.typed_views import with_event_views
from ..storage.grouping.grouper import Grouper, GroupingSettings
from ..storage.grouping.rules import GroupingRule
from ..storage.grouping.versions import noted_change
from ..storage.lake.lake import Lake
from ..storage.lake.maintenance import remove_orphans
from ..storage.pipeline.importer import Importer
from ..storage.pipeline.pipeline import Decode, Options, Pipeline
from ..storage.pipeline.plans import PlanStore
from ..storage.pipeline.spare_memory import SpareMemory
from ..storage.pipeline.upkeep import Slot, Upkeep
from ..storage.rules import Drop, RecordRules, Redact
from ..storage.schema import TABLES_FOLDER, TableSchema, load_tables
from ..storage.scrubbing.columns import Scrubber, ScrubSettings
from ..storage.sourcemaps.mapping import TenantsSourceMaps
from ..storage.stacks.in_app import InApp
from .catalogue import events_catalogue
from .collector.forwarding import kept
from .settings import Settings

_WORTH_KERNELS_BYTES = 10_000_000
"""Of OTLP files, a second of plain decoding or more."""


def record_rules(settings: Settings) -> RecordRules:
    """The drop and redact rules of the settings.

    Raises:
        RuleError: a rule is not usable; the text names its key and the reason.
    """
    return RecordRules([Drop(rule.signal, rule.where) for rule in settings.drop], Redact(**settings.redact.model_dump()))


def event_settings(settings: Settings) -> EventSettings:
    """How events are read.

    Raises:
        CommandError: a declaration of an own event cannot be used.
        PageSlugsError: the map of pages cannot be used; the text names file and key.
    """
    page_slugs = load_page_slugs(settings.page_slugs) if settings.page_slugs else None
    return EventSettings(catalogue=events_catalogue(settings), policy=settings.events_policy, page_slugs=page_slugs)


def grouping_settings(settings: Settings) -> GroupingSettings:
    """How errors are grouped; the data directory notes since when by which version.

    Raises:
        OSError: it cannot be read or written.
    """
    return GroupingSettings(
        rules=tuple(GroupingRule(**rule.model_dump()) for rule in settings.grouping),
        in_app=InApp(tuple(settings.in_app_include), tuple(settings.in_app_exclude)),
        change=noted_change(Path(settings.data).absolute()),
    )


def open_grouper(settings: Settings) -> Grouper:
    """What groups errors, and knows the source maps of all ponds.

    Raises:
        OSError: the data directory cannot be read or written.
    """
    return Grouper(grouping_settings(settings), TenantsSourceMaps(Path(settings.data).absolute()))


class Pipelines:
    """Opens the pipelines of ponds that one process drains: they share decoder, thread, deriver and memory, and nothing on disk.

    Args:
        settings: of the collector; its data directory holds the ponds.
        crashed: whether the process before this one ended by its own fault.
    """

    def __init__(self, settings: Settings, *, crashed: bool = False) -> None:
        self._settings = settings
        self._crashed = crashed
        self._tables = load_tables([TABLES_FOLDER, *settings.tables])
        self._shown = with_event_views(self._tables, events_catalogue(settings))
        self._deriver = _deriver(settings, self._tables)
        self._kernels = WarmingDecoder()
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._memory = SpareMemory()
        self._upkeep_slot = Slot()

    def open(self, tenant: str) -> Pipeline:
        """The pipeline of a tenant's pond, which is made where there is none; the caller holds the pond's lock.

        Raises:
            LakeError: its lake cannot be opened.
        """
        settings = self._settings
        data = pond_folder(Path(settings.data).absolute(), tenant)
        lake = Lake(data, self._shown)
        return Pipeline(
            data,
            lake,
            self._deriver,
            kernels=self._kernels,
            plain=reference.decode,
            rules=_decode_rules(settings, data, keep_dates=False),
            options=Options(
                batch_items=settings.batch_items,
                batch_interval_s=settings.batch_interval_s,
                commit_interval_s=settings.commit_interval_s,
                retry_window_s=settings.retry_window_s,
            ),
            upkeep=Upkeep(_maintenance(settings, data), lake.maintenance_due, self._upkeep_slot),
            decoder=self._decoder,
            memory=self._memory,
            let_go=kept(settings, tenant).forget,
            tenant=tenant,
            crashed=self._crashed,
            remove_orphans=lambda: remove_orphans(lake, PlanStore(data / "plans").stream),
        )


def open_lake(settings: Settings, tenant: str) -> Lake:
    """The lake of a tenant's pond, to append to it beside whoever else does.

    Raises:
        LakeError: it cannot be opened.
    """
    tables = load_tables([TABLES_FOLDER, *settings.tables])
    return Lake(pond_folder(Path(settings.data).absolute(), tenant), with_event_views(tables, events_catalogue(settings)))


def open_importer(settings: Settings, tenant: str, total_bytes: int) -> Importer:
    """What stores so many bytes of files in a tenant's pond; a few are decoded before kernels would be loaded."""
    data = pond_folder(Path(settings.data).absolute(), tenant)
    make_folder(data)
    tables = load_tables([TABLES_FOLDER, *settings.tables])
    return Importer(
        data,
        Lake(data, with_event_views(tables, events_catalogue(settings))),
        _deriver(settings, tables),
        kernels=_quick_decoder() if total_bytes > _WORTH_KERNELS_BYTES else reference.decode,
        plain=reference.decode,
        rules=_decode_rules(settings, data, keep_dates=True),
        tenant=tenant,
    )


def _quick_decoder() -> Decode:
    warm()
    return kernels.decode


def _maintenance(settings: Settings, data: Path) -> list[str]:
    """The command line of the maintenance child."""
    command = [sys.executable, "-m", "otelpond.storage.lake.maintenance", str(data)]
    for folder in settings.tables:
        command += ["--tables", str(Path(folder).absolute())]
    for folder in settings.events_folders:
        command += ["--events", str(Path(folder).absolute())]
    for family, days in settings.keep_days.model_dump().items():
        command += ["--keep-days", f"{family}={days}"]
    return [*command, "--vacuum-after-h", str(math.ceil(settings.vacuum_after_h))]


def _deriver(settings: Settings, tables: Mapping[str, TableSchema]) -> Deriver:
    thresholds = DeriveSettings(slow_api_ms=int(settings.slow_api_threshold_ms), slow_query_ms=int(settings.slow_query_threshold_ms))
    return Deriver(
        tables,
        thresholds,
        record_rules(settings),
        events=event_settings(settings),
        grouper=open_grouper(settings),
        scrubber=Scrubber(ScrubSettings(settings.scrub, settings.scrub_keys, settings.scrub_keep)),
    )


def _decode_rules(settings: Settings, data: Path, *, keep_dates: bool) -> Rules:
    return Rules(
        hash_address=AddressHasher(data / "keys"),
        keep_dates=keep_dates,
        drop_attributes=frozenset(settings.redact.drop_attributes),
        redact_attributes=frozenset(settings.redact.attributes),
    )
