"""The records of one model, among those of several."""

from __future__ import annotations

from collections.abc import Sequence

from opencodeeval.core.errors import UsageError
from opencodeeval.core.suggest import spelled, unknown
from opencodeeval.records.naming import name_of_model
from opencodeeval.records.reading import StoredRecord


def of_model(records: Sequence[StoredRecord], wanted: str, option: str) -> list[StoredRecord]:
    """The records of the model `wanted`; `option` is the option that names it, for errors.

    A model may be named as in the record, by the path of its folder, or by the end of its
    name: `step-4000` is `ckpts/step-4000`.

    Raises:
        UsageError: no model has this name, or several have.
    """
    models = list(dict.fromkeys(each.model for each in records))
    name = spelled(wanted, models) or spelled(name_of_model(wanted), models)
    if name is None:
        ends = [model for model in models if model.endswith(f"/{wanted.strip('/')}")]
        if len(ends) > 1:
            raise UsageError(
                f"{option} {wanted} may be {' or '.join(ends)}: name one of them in full"
            )
        if not ends:
            raise UsageError(unknown(f"{option}: there is no record of the model", wanted, models))
        (name,) = ends
    return [each for each in records if each.model == name]
