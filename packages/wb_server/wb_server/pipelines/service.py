"""The rules of pipelines: who may see, save, approve and delete them, and what is checked."""

from __future__ import annotations

import builtins
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from ..governance.owned.models import Access, Owner, OwnerRequest
from ..governance.owned.service import OwnedService
from ..governance.people.service import PeopleService
from ..governance.rights import Rights
from ..kit import clock
from ..kit.actor import Actor
from ..kit.blobs import Blobs
from ..kit.errors import Conflict, NotFound
from ..kit.events import Bus
from ..kit.paging import decode_key, encode_key
from .accounts import named
from .checks import Checks
from .definition import parameters, times
from .definition.models import PipelineFile
from .definition.problems import Problem
from .definitions import Definitions, run_scope, start_of
from .models import (
    Pipeline,
    PipelineCheck,
    PipelineChecked,
    PipelineList,
    PipelineListQuery,
    PipelinePatch,
    PipelineSave,
    PipelineSaved,
    PipelineView,
    Version,
    VersionSummary,
)
from .runs.service import RunService
from .snapshots import changes, contents
from .store import PipelineStore


class PipelineService(OwnedService[Pipeline, PipelineView]):
    """Pipelines, for the handlers and other rooms."""

    _store: PipelineStore
    by_name = True

    def __init__(
        self,
        store: PipelineStore,
        definitions: Definitions,
        checks: Checks,
        runs: RunService,
        blobs: Blobs,
        rights: Rights,
        people: PeopleService,
        bus: Bus,
    ) -> None:
        super().__init__(store, PipelineView, rights, people, bus)
        self._definitions = definitions
        self._checks = checks
        self._runs = runs
        self._blobs = blobs

    # --- reading -----------------------------------------------------------------------------

    def page(self, actor: Actor, query: PipelineListQuery) -> PipelineList:
        """A page of the pipelines that the actor may see, by name.

        Raises:
            InvalidInput: the cursor is malformed.
        """
        after = decode_key(query.cursor) if query.cursor else ()
        found = [
            row
            for row in self._found(actor, query.search, query.deleted)
            if (not query.label or query.label in row.labels) and _key(row) > after
        ]
        # The database may sort names differently; a page must follow on the one before it.
        found.sort(key=_key)
        shown = found[: query.limit]
        following = encode_key(_key(shown[-1])) if len(found) > len(shown) else None
        return PipelineList(items=self._views(actor, shown), next=following)

    def version(self, actor: Actor, pipeline_id: str, number: int) -> Version:
        """One version in full.

        Raises:
            NotFound: there is none, or the actor may not see it.
        """
        pipeline = self.saved(actor, pipeline_id)
        version = self._store.version(pipeline.id, number)
        if version is None:
            raise NotFound(f"“{pipeline.name}” has no version {number}.", code="unknown_version")
        return version

    def versions(
        self, actor: Actor, pipeline_id: str, before: int | None = None, limit: int = 50
    ) -> builtins.list[VersionSummary]:
        """Versions with their changes, newest first."""
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
            NotFound: there is none, or the actor may not see it.
        """
        digest = self.version(actor, pipeline_id, number).files.get(path)
        if digest is None:
            raise NotFound(
                f"Version {number} has no file “{path[:100]}” in its folder.", code="unknown_file"
            )
        return digest

    def form(self, actor: Actor, pipeline_id: str, day: date | None = None) -> dict[str, object]:
        """JSON Schema of the parameters of the version that runs, with their defaults for a day.

        Args:
            day: the day that a run would be for; the current one if it is None.
        """
        pipeline = self.saved(actor, pipeline_id)
        definition = self._definitions.pipeline(pipeline.id, pipeline.approved or pipeline.head)
        at = clock.now() if day is None else start_of(definition, day)
        return parameters.form(definition.parameters, run_scope(definition, at, "manual"))

    # --- checking ----------------------------------------------------------------------------

    def check(self, actor: Actor, request: PipelineCheck) -> PipelineChecked:
        """All problems of a file, judged by the rights of its owner.

        An editor of a saved pipeline gets the answer for its owner, but only about connections that the
        editor knows: those they may use themselves, and those that the saved file names. Everyone else
        gets the answer for themselves: nobody may find out what an owner can do without being able to
        have it done.
        """
        pipeline = None
        if request.pipeline_id is not None:
            found = self.saved(actor, request.pipeline_id)
            pipeline = found if self._rights.may(actor, "pipeline.update", found) else None
        checked = self._checks.checked(actor, pipeline, request.text, request.files)
        form = None
        if checked.definition is not None:
            scope = run_scope(checked.definition, clock.now(), "manual")
            form = parameters.form(checked.definition.parameters, scope)
        return PipelineChecked(
            ok=not checked.problems,
            problems=list(checked.problems),
            warnings=checked.warnings,
            parameters=form,
        )

    # --- saving ------------------------------------------------------------------------------

    def create(self, actor: Actor, request: PipelineSave) -> PipelineSaved:
        """Adds a pipeline, owned by the actor; its first version may run at once.

        Raises:
            InvalidInput: the file has mistakes (``bad_pipeline``, which lists them all).
            InvalidInput, TooLarge: the folder isn't valid or is too large.
            Conflict: the name is taken.
        """
        owner = Owner(kind="user", name=actor.name)
        content = contents(request)
        definition, warnings = self._checks.validated(actor, None, request.text, content)
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
            next_fire_at=times.next_due(definition.schedule, False, now),
            created_at=now,
            updated_at=now,
        )
        version = self._version(actor, 1, request, files, approved_for=owner)
        with self._saving(pipeline) as transaction:
            self._store.add_version(transaction, pipeline.id, version)
        return _saved(self.view(actor, pipeline), warnings)

    def save(self, actor: Actor, pipeline_id: str, request: PipelineSave) -> PipelineSaved:
        """Saves a new version. The owner's takes effect at once, another editor's once approved.

        The owner's version needs approval too if it keeps files that the owner never approved.

        Raises:
            NotFound, Forbidden: there is no such pipeline, or the actor may not change it.
            InvalidInput, TooLarge: as for ``create``.
            Conflict: someone else saved in the meantime (``changed_meanwhile``), or the name is taken.
        """
        old = self.require(actor, pipeline_id, "update")
        if request.version is not None and request.version != old.version:
            raise Conflict(
                f"“{old.name}” was changed by someone else in the meantime. Reload it.",
                code="changed_meanwhile",
            )
        content = contents(request)
        kept: Mapping[str, str] = {}
        own = True
        if request.keep_files:
            head = self._store.version(old.id, old.head)
            kept = head.files if head is not None else {}
            own = head is not None and (not kept or head.approved_for == named(old.owner))
        definition, warnings = self._checks.validated(
            actor, old, request.text, self._definitions.contents(kept, content)
        )
        files = {**kept, **self._stored(content)}
        view = self._add(actor, old, request, definition, files, own=own)
        return _saved(view, warnings)

    def restore_version(self, actor: Actor, pipeline_id: str, number: int) -> PipelineView:
        """Saves an older version's file and folder as a new version.

        It needs approval unless its owner restores it and has approved the older version before.

        Raises:
            NotFound, Forbidden: there is no such version, or the actor may not change it.
            InvalidInput: the file is no longer valid (``bad_pipeline``).
        """
        version = self.version(actor, pipeline_id, number)
        old = self.require(actor, pipeline_id, "update")
        content = self._definitions.contents(version.files)
        definition, _ = self._checks.validated(actor, old, version.text, content, number)
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
        """Adds a version; ``own``: it contains nothing of others that the owner hasn't approved."""
        number = old.head + 1
        approved = own and self._rights.may(actor, "pipeline.approve", old)
        changed = old.changed(head=number)
        if approved:
            changed = self._activated(changed, definition, number)
        owner = old.owner if approved else None
        version = self._version(actor, number, request, files, approved_for=owner)
        with self._saving(changed, old) as transaction:
            self._store.add_version(transaction, old.id, version)
        return self.view(actor, changed)

    def _activated(self, pipeline: Pipeline, definition: PipelineFile, number: int) -> Pipeline:
        """The pipeline with this version as the one that runs."""
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
                "next_fire_at": times.next_due(definition.schedule, pipeline.paused, fired_to),
            }
        )

    def approve(self, actor: Actor, pipeline_id: str, number: int) -> PipelineView:
        """Lets a version run from now on, with its owner's rights.

        Raises:
            NotFound, Forbidden: there is no such version, or the actor isn't the owner (``owner_only``).
            InvalidInput: the owner may not do what the version does (``bad_pipeline``).
            Conflict: it isn't the newest version (``not_newest``), or is approved already (``approved``).
        """
        old = self.require(actor, pipeline_id, "approve")
        if number != old.head:
            raise Conflict(
                f"Version {old.head} is now the newest. Review that one.", code="not_newest"
            )
        if old.approved == number:
            raise Conflict(f"Version {number} runs already.", code="approved")
        version = self.version(actor, pipeline_id, number)
        definition, _ = self._checks.validated(
            actor, old, version.text, self._definitions.contents(version.files)
        )
        changed = self._activated(old, definition, number).changed()
        with self._saving(changed, old) as transaction:
            owner = named(old.owner)
            self._store.approve(transaction, old.id, number, actor.name, owner, clock.now())
        return self.view(actor, changed)

    def patch(self, actor: Actor, pipeline_id: str, request: PipelinePatch) -> PipelineView:
        """Pauses or resumes a pipeline's schedule."""
        old = self.require(actor, pipeline_id, "update")
        # A pause starts now: fires that were due before it count as processed.
        fired_to = clock.now() if request.paused else old.fired_to
        paused = old.model_copy(update={"paused": request.paused})
        return self._change(actor, old, self._due_after(paused, fired_to).changed())

    def delete(self, actor: Actor, thing_id: str) -> PipelineView:
        """Deletes a pipeline and cancels its active runs; ``restore`` undoes it for 30 days."""
        view = super().delete(actor, thing_id)
        self._runs.cancel_all(view.id, actor.name)
        return view

    def transfer(self, actor: Actor, thing_id: str, request: OwnerRequest) -> Access:
        """Transfers a pipeline. Active runs, which use the previous owner's rights, are cancelled."""
        before = self.saved(actor, thing_id)
        access = super().transfer(actor, thing_id, request)
        if access.owner != before.owner:
            self._runs.cancel_all(before.id, actor.name)
        return access

    # --- what differs from other owned things ------------------------------------------------

    def _details(self, actor: Actor, things: Sequence[Pipeline]) -> Mapping[str, Mapping[str, Any]]:
        last = self._runs.last([pipeline.id for pipeline in things])
        return {pipeline_id: {"last_run": run} for pipeline_id, run in last.items()}

    def _restored(self, thing: Pipeline) -> Pipeline:
        # Fires that were due while it was deleted are skipped.
        return self._due_after(thing, clock.now())

    def _transferred(self, thing: Pipeline, owner: Owner) -> Pipeline:
        """The pipeline for its new owner: nothing they didn't approve runs with their rights.

        Fires that were due until now are skipped too. If the pipeline returns to the owner who approved
        the last approved version, that version runs again.
        """
        if owner == thing.owner:
            return thing
        last = self._store.last_approved(thing.id)
        approved = last.number if last and last.approved_for == named(owner) else None
        theirs = thing.model_copy(update={"owner": owner, "approved": approved})
        return self._due_after(theirs, clock.now())

    # --- inside ------------------------------------------------------------------------------

    def _due_after(self, pipeline: Pipeline, moment: datetime) -> Pipeline:
        """The pipeline with its schedule processed up to a moment."""
        following = None
        if pipeline.approved is not None:
            definition = self._definitions.pipeline(pipeline.id, pipeline.approved)
            following = times.next_due(definition.schedule, pipeline.paused, moment)
        return pipeline.model_copy(update={"fired_to": moment, "next_fire_at": following})

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


def _key(pipeline: Pipeline) -> tuple[str, str]:
    return pipeline.name, pipeline.id


def _saved(view: PipelineView, warnings: Sequence[Problem]) -> PipelineSaved:
    return PipelineSaved(**view.model_dump(), warnings=list(warnings))
