"""The rules of pipelines: who sees, saves, approves and deletes them, and what is checked."""

from __future__ import annotations

import builtins
import difflib
import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from ..connections.service import ConnectionService
from ..governance.owned import Owner
from ..governance.rights import Rights
from ..kit import clock
from ..kit.actor import Actor
from ..kit.blobs import Blobs
from ..kit.errors import Conflict, NotFound
from ..kit.events import Bus
from ..queries.broker import Broker
from .accounts import Accounts, named
from .check_context import Surroundings
from .definition import parameters, times
from .definition.check import Checked, check, refusal
from .definition.models import PipelineFile
from .definitions import Definitions, run_scope
from .models import (
    Pipeline,
    PipelineCheck,
    PipelineChecked,
    PipelinePatch,
    PipelineSave,
    PipelineView,
    Version,
    VersionSummary,
)
from .runs.service import RunService
from .snapshots import changes, contents
from .store import PipelineStore

UNDO_DAYS = 30


class PipelineService:
    """What other rooms and the handlers may ask of pipelines."""

    def __init__(
        self,
        store: PipelineStore,
        definitions: Definitions,
        runs: RunService,
        connections: ConnectionService,
        broker: Broker,
        accounts: Accounts,
        rights: Rights,
        blobs: Blobs,
        bus: Bus,
    ) -> None:
        self._store = store
        self._definitions = definitions
        self._runs = runs
        self._connections = connections
        self._broker = broker
        self._accounts = accounts
        self._rights = rights
        self._blobs = blobs
        self._bus = bus

    # --- reading -----------------------------------------------------------------------------

    def list(
        self, actor: Actor, *, search: str = "", label: str = "", deleted: bool = False
    ) -> builtins.list[PipelineView]:
        """The pipelines that the actor may see, by name.

        Args:
            search: keep those with all its words in name, description or labels.
            label: keep those with this label.
            deleted: list those that are deleted and can be restored instead.
        """
        words = search.casefold().split()
        rows = self._store.deleted() if deleted else self._store.living()
        right = "pipeline.delete" if deleted else "pipeline.see"
        return self._views(
            actor,
            [
                row
                for row in rows
                if self._rights.may(actor, right, row)
                and (not label or label in row.labels)
                and all(
                    word in f"{row.name} {row.description} {' '.join(row.labels)}".casefold()
                    for word in words
                )
            ],
        )

    def names(self, actor: Actor) -> dict[str, str]:
        """Id -> name of every living pipeline that the actor may see."""
        return {
            row.id: row.name
            for row in self._store.living()
            if self._rights.may(actor, "pipeline.see", row)
        }

    def get(self, actor: Actor, pipeline_id: str) -> PipelineView:
        """One pipeline.

        Raises:
            NotFound: there is none, or none that the actor may see.
        """
        return self.view(actor, self.saved(actor, pipeline_id))

    def saved(self, actor: Actor, name_or_id: str) -> Pipeline:
        """A living pipeline that the actor may see, by its name or id.

        Raises:
            NotFound: with near names among those that the actor may see.
        """
        found = self._store.by_name(name_or_id) or self._store.by_id(name_or_id)
        if found and not found.deleted_at and self._rights.may(actor, "pipeline.see", found):
            return found
        near = difflib.get_close_matches(name_or_id, self.names(actor).values(), n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(f'“{name}”' for name in near)}?" if near else ""
        raise NotFound(
            f"There is no pipeline “{name_or_id[:100]}”.{hint}", code="unknown_pipeline", near=near
        )

    def view(self, actor: Actor, pipeline: Pipeline) -> PipelineView:
        """A pipeline with what the actor holds of it and may do with it."""
        return self._views(actor, [pipeline])[0]

    def _views(
        self, actor: Actor, pipelines: builtins.list[Pipeline]
    ) -> builtins.list[PipelineView]:
        last = self._runs.last([pipeline.id for pipeline in pipelines])
        views = []
        for pipeline in pipelines:
            reasons = self._rights.reasons(actor, pipeline)
            actions = self._rights.allowed(actor, pipeline)
            hidden = set() if "pipeline.share" in actions else {"shares"}
            views.append(
                PipelineView(
                    **pipeline.model_dump(exclude=hidden),
                    level=reasons[0].level,
                    reasons=reasons,
                    actions=actions,
                    last_run=last.get(pipeline.id),
                )
            )
        return views

    def version(self, actor: Actor, pipeline_id: str, number: int) -> Version:
        """One version, whole.

        Raises:
            NotFound: there is none, or none that the actor may see.
        """
        pipeline = self.saved(actor, pipeline_id)
        version = self._store.version(pipeline.id, number)
        if version is None:
            raise NotFound(f"“{pipeline.name}” has no version {number}.", code="unknown_version")
        return version

    def versions(
        self, actor: Actor, pipeline_id: str, before: int | None = None, limit: int = 50
    ) -> builtins.list[VersionSummary]:
        """Versions with what each changed, the newest first."""
        pipeline = self.saved(actor, pipeline_id)
        rows = self._store.versions(pipeline.id, before, limit + 1)
        older = [*rows[1:], None]
        return [
            VersionSummary(
                **version.model_dump(exclude={"text", "files"}),
                files=sorted(version.files),
                diff=changes(previous, version),
            )
            for version, previous in zip(rows, older, strict=True)
        ][:limit]

    def file(self, actor: Actor, pipeline_id: str, number: int, path: str) -> str:
        """The digest of a file in a version's folder.

        Raises:
            NotFound: there is none, or none that the actor may see.
        """
        digest = self.version(actor, pipeline_id, number).files.get(path)
        if digest is None:
            raise NotFound(
                f"Version {number} has no file “{path[:100]}” in its folder.", code="unknown_file"
            )
        return digest

    def form(self, actor: Actor, pipeline_id: str) -> dict[str, object]:
        """JSON Schema of the parameters of the version that runs, with their defaults of now."""
        pipeline = self.saved(actor, pipeline_id)
        definition = self._definitions.pipeline(pipeline.id, pipeline.approved or pipeline.head)
        return parameters.form(definition.parameters, run_scope(definition, clock.now(), "manual"))

    # --- checking ----------------------------------------------------------------------------

    def check(self, actor: Actor, request: PipelineCheck) -> PipelineChecked:
        """Everything that is wrong with a file, for its owner: the saved one's, or the actor.

        What others than an editor ask is answered for themselves: nobody is to find out what an
        owner may do who can't have it done. An editor is answered for the owner, of the connections
        that they know: those that they may use themselves, and those that the saved file names.
        """
        pipeline = None
        if request.pipeline_id is not None:
            found = self.saved(actor, request.pipeline_id)
            pipeline = found if self._rights.may(actor, "pipeline.update", found) else None
        checked = self._checked(actor, pipeline, request.text, request.files)
        form = None
        if checked.definition is not None:
            scope = run_scope(checked.definition, clock.now(), "manual")
            form = parameters.form(checked.definition.parameters, scope)
        return PipelineChecked(
            ok=not checked.problems, problems=list(checked.problems), parameters=form
        )

    def _checked(
        self,
        actor: Actor,
        pipeline: Pipeline | None,
        text: str,
        files: Collection[str],
        source: int | None = None,
    ) -> Checked:
        owner, known = Owner(kind="user", name=actor.name), frozenset[str]()
        owns = True
        if pipeline is not None:
            owner, owns = pipeline.owner, self._rights.owns(actor, pipeline)
            numbers = {pipeline.head, pipeline.approved, source} - {None}
            known = frozenset[str]().union(
                *(
                    self._definitions.connections(pipeline.id, number)
                    for number in numbers
                    if number
                )
            )
        context = Surroundings(
            files, actor, owner, owns, known,
            self._connections, self._broker, self._accounts, self._rights,
        )  # fmt: skip
        return check(text, self._definitions.registry, context)

    def _sound(
        self,
        actor: Actor,
        pipeline: Pipeline | None,
        text: str,
        files: Collection[str],
        source: int | None = None,
    ) -> PipelineFile:
        checked = self._checked(actor, pipeline, text, files, source)
        if checked.problems or checked.definition is None:
            raise refusal(checked.problems)
        return checked.definition

    # --- saving ------------------------------------------------------------------------------

    def create(self, actor: Actor, request: PipelineSave) -> PipelineView:
        """Adds a pipeline, owned by the actor; its first version may run at once.

        Raises:
            InvalidInput: the file has mistakes (``bad_pipeline``, with all of them).
            InvalidInput, TooLarge: the folder doesn't fit.
            Conflict: the name is taken.
        """
        owner = Owner(kind="user", name=actor.name)
        content = contents(request)
        definition = self._sound(actor, None, request.text, content.keys())
        files = self._stored(content)
        now = clock.now()
        pipeline = Pipeline(
            id=str(uuid.uuid4()),
            name=definition.name,
            description=definition.description[:500],
            labels=definition.labels,
            owner=owner,
            head=1,
            approved=1,
            fired_to=now,
            next_fire_at=_next_fire(definition, False, now),
            created_at=now,
            updated_at=now,
        )
        version = self._version(actor, 1, request, files, approved_for=owner)
        with self._store.database.write() as transaction:
            self._store.insert(transaction, pipeline)
            self._store.add_version(transaction, pipeline.id, version)
        self._bus.publish("pipelines")
        return self.view(actor, pipeline)

    def save(self, actor: Actor, pipeline_id: str, request: PipelineSave) -> PipelineView:
        """Saves a new version. Its owner's runs from now on, another editor's once it is approved.

        What its owner saves waits too if it keeps files that they never approved.

        Raises:
            NotFound, Forbidden: there is no such pipeline, or the actor may not change it.
            InvalidInput, TooLarge: as for ``create``.
            Conflict: somebody else saved meanwhile (``changed_meanwhile``), or a name is taken.
        """
        old = self.saved(actor, pipeline_id)
        self._rights.require(actor, "pipeline.update", old)
        if request.version is not None and request.version != old.version:
            raise Conflict(
                f"“{old.name}” was changed by somebody else meanwhile. Load it again.",
                code="changed_meanwhile",
            )
        content = contents(request)
        kept: Mapping[str, str] = {}
        own = True
        if request.keep_files:
            head = self._store.version(old.id, old.head)
            kept = head.files if head is not None else {}
            own = head is not None and (not kept or head.approved_for == named(old.owner))
        definition = self._sound(actor, old, request.text, {*content, *kept})
        files = {**kept, **self._stored(content)}
        return self._add(actor, old, request, definition, files, own=own)

    def restore_version(self, actor: Actor, pipeline_id: str, number: int) -> PipelineView:
        """Makes an older version's file and folder the newest ones again.

        It waits for approval unless its owner has approved that one before, and restores it.

        Raises:
            NotFound, Forbidden: there is no such version, or the actor may not change it.
            InvalidInput: it doesn't fit any more (``bad_pipeline``).
        """
        version = self.version(actor, pipeline_id, number)
        old = self.saved(actor, pipeline_id)
        self._rights.require(actor, "pipeline.update", old)
        definition = self._sound(actor, old, version.text, version.files.keys(), number)
        request = PipelineSave(
            text=version.text, keep_files=False, note=f"Version {number} again", version=None
        )
        own = version.approved_for == named(old.owner)
        return self._add(actor, old, request, definition, version.files, own=own)

    def _add(
        self,
        actor: Actor,
        old: Pipeline,
        request: PipelineSave,
        definition: PipelineFile,
        files: Mapping[str, str],
        *,
        own: bool,
    ) -> PipelineView:
        """Adds a version; ``own``: whether nothing of it is somebody else's and unapproved."""
        number = old.head + 1
        approved = own and self._rights.may(actor, "pipeline.approve", old)
        changed = old.model_copy(
            update={"head": number, "version": old.version + 1, "updated_at": clock.now()}
        )
        if approved:
            changed = self._running(changed, definition, number)
        owner = old.owner if approved else None
        version = self._version(actor, number, request, files, approved_for=owner)
        with self._store.database.write() as transaction:
            self._store.update(transaction, changed, old.version)
            self._store.add_version(transaction, old.id, version)
        self._bus.publish("pipelines")
        return self.view(actor, changed)

    def _running(self, pipeline: Pipeline, definition: PipelineFile, number: int) -> Pipeline:
        """A pipeline whose runs are of this version from now on."""
        before = None
        if pipeline.approved is not None:
            before = self._definitions.pipeline(pipeline.id, pipeline.approved).schedule
        fired_to = pipeline.fired_to if before == definition.schedule else clock.now()
        return pipeline.model_copy(
            update={
                "approved": number,
                "name": definition.name,
                "description": definition.description[:500],
                "labels": definition.labels,
                "fired_to": fired_to,
                "next_fire_at": _next_fire(definition, pipeline.paused, fired_to),
            }
        )

    def approve(self, actor: Actor, pipeline_id: str, number: int) -> PipelineView:
        """Lets a version run from now on, with its owner's rights.

        Raises:
            NotFound, Forbidden: there is no such version, or the actor isn't its owner (``owner_only``).
            InvalidInput: the owner may not do what it does (``bad_pipeline``).
            Conflict: it isn't the newest one (``not_newest``), or it runs already.
        """
        old = self.saved(actor, pipeline_id)
        self._rights.require(actor, "pipeline.approve", old)
        if number != old.head:
            raise Conflict(
                f"Version {old.head} is the newest by now: look at that one.", code="not_newest"
            )
        if old.approved == number:
            raise Conflict(f"Version {number} runs already.", code="approved")
        version = self.version(actor, pipeline_id, number)
        definition = self._sound(actor, old, version.text, version.files.keys())
        changed = self._running(old, definition, number).model_copy(
            update={"version": old.version + 1, "updated_at": clock.now()}
        )
        with self._store.database.write() as transaction:
            self._store.update(transaction, changed, old.version)
            owner = named(old.owner)
            self._store.approve(transaction, old.id, number, actor.name, owner, clock.now())
        self._bus.publish("pipelines")
        return self.view(actor, changed)

    def handed_over(self, pipeline: Pipeline, owner: Owner) -> Pipeline:
        """A pipeline as another owner gets it: nothing runs with their rights that they didn't approve.

        What was due until now isn't theirs either. Where it comes back to who approved what ran last,
        that runs again.
        """
        last = self._store.last_approved(pipeline.id)
        approved = last.number if last and last.approved_for == named(owner) else None
        now, following = clock.now(), None
        if approved is not None:
            definition = self._definitions.pipeline(pipeline.id, approved)
            following = _next_fire(definition, pipeline.paused, now)
        return pipeline.model_copy(
            update={
                "owner": owner, "approved": approved, "fired_to": now, "next_fire_at": following,
            }
        )  # fmt: skip

    def patch(self, actor: Actor, pipeline_id: str, request: PipelinePatch) -> PipelineView:
        """Pauses a pipeline's schedule, or lets it go on."""
        old = self.saved(actor, pipeline_id)
        self._rights.require(actor, "pipeline.update", old)
        following = None
        if old.approved is not None:
            definition = self._definitions.pipeline(old.id, old.approved)
            following = _next_fire(definition, request.paused, old.fired_to)
        changed = old.model_copy(
            update={
                "paused": request.paused,
                # A pause begins now; what was due before it was dealt with.
                "fired_to": clock.now() if request.paused else old.fired_to,
                "next_fire_at": following,
            }
        )
        return self._changed(actor, old, changed)

    def delete(self, actor: Actor, pipeline_id: str) -> PipelineView:
        """Deletes a pipeline; ``restore`` undoes it for 30 days. Runs that go on are cancelled."""
        old = self.saved(actor, pipeline_id)
        self._rights.require(actor, "pipeline.delete", old)
        view = self._changed(actor, old, old.model_copy(update={"deleted_at": clock.now()}))
        self._runs.cancel_all(old.id, actor.name)
        return view

    def restore(self, actor: Actor, pipeline_id: str) -> PipelineView:
        """Brings a deleted pipeline back. What was due meanwhile is left out.

        Raises:
            NotFound: there is none, or none that the actor may see.
            Conflict: it isn't deleted, or its name was given to another one meanwhile.
        """
        old = self._store.by_id(pipeline_id)
        if old is None or not self._rights.may(actor, "pipeline.see", old):
            raise NotFound("There is no such pipeline.", code="unknown_pipeline")
        self._rights.require(actor, "pipeline.delete", old)
        if old.deleted_at is None:
            raise Conflict(f"“{old.name}” is not deleted.", code="not_deleted")
        now = clock.now()
        following = None
        if old.approved is not None:
            definition = self._definitions.pipeline(old.id, old.approved)
            following = _next_fire(definition, old.paused, now)
        changed = old.model_copy(
            update={"deleted_at": None, "fired_to": now, "next_fire_at": following}
        )
        return self._changed(actor, old, changed)

    def purge(self) -> int:
        """Removes for good what was deleted over 30 days ago."""
        return self._store.purge(clock.now() - timedelta(days=UNDO_DAYS))

    def _changed(self, actor: Actor, old: Pipeline, changed: Pipeline) -> PipelineView:
        changed = changed.model_copy(update={"version": old.version + 1, "updated_at": clock.now()})
        with self._store.database.write() as transaction:
            self._store.update(transaction, changed, old.version)
        self._bus.publish("pipelines")
        return self.view(actor, changed)

    def _version(
        self,
        actor: Actor,
        number: int,
        request: PipelineSave,
        files: Mapping[str, str],
        *,
        approved_for: Owner | None,
    ) -> Version:
        now = clock.now()
        approved = approved_for is not None
        return Version(
            number=number,
            text=request.text,
            files=dict(files),
            author=actor.name,
            note=request.note,
            created_at=now,
            approved_by=actor.name if approved else None,
            approved_at=now if approved else None,
            approved_for=named(approved_for) if approved_for is not None else None,
        )

    def _stored(self, content: Mapping[str, bytes]) -> dict[str, str]:
        return {path: self._blobs.put([data]) for path, data in content.items()}


def _next_fire(definition: PipelineFile, paused: bool, after: datetime) -> datetime | None:
    schedule = definition.schedule
    if schedule is None or schedule.paused or paused:
        return None
    return times.next_fire(schedule, after)
