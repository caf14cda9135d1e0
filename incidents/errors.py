"""What may be refused in the trade, named by what happened; no HTTP status lives here."""

from __future__ import annotations

from grid.errors import CityError


class IncidentError(CityError):
    """Base of the refusals of the trade."""

    code = "incident_error"


class MoveRefused(IncidentError):
    """The move is not one the incident may make from the state it is in."""

    code = "move_refused"


class MoveForbidden(IncidentError):
    """The move exists from this state, but not for this role, department or area."""

    code = "move_forbidden"


class MoveIncomplete(IncidentError):
    """The move lacks something it needs: a reason, a department, an evidence photo."""

    code = "move_incomplete"


class Stale(IncidentError):
    """Somebody else moved the incident meanwhile; look at it again."""

    code = "stale"


class IncidentUnknown(IncidentError):
    """No incident has this number."""

    code = "incident_unknown"


class CategoryUnknown(IncidentError):
    """No category has this code in the code set."""

    code = "category_unknown"


class DecisionRefused(IncidentError):
    """An edition of rules, routes or standards is not sound; `faults` lists row and reason."""

    code = "decision_refused"


class NumbersExhausted(IncidentError):
    """A region used up its 99,999 incident numbers of one day."""

    code = "numbers_exhausted"


class Unavailable(IncidentError):
    """Something we need is down for now; waiting helps."""

    code = "unavailable"


class DatabaseUnfit(IncidentError):
    """The database is of a version or an encoding we cannot work with, or newer than this program."""

    code = "database_unfit"


class DeviceRefused(IncidentError):
    """A device's registration makes no sense; nothing was kept."""

    code = "device_refused"


class AccountRefused(IncidentError):
    """An account cannot be made or changed in this way."""

    code = "account_refused"


class MediaRefused(IncidentError):
    """A photo cannot be used as it was meant: unknown, another's, or evidence of something else."""

    code = "media_refused"


class PhotosTooMany(IncidentError):
    """More photos at once, or of one incident, than the city's policy has it; `most` and `left` tell the numbers."""

    code = "photos_too_many"


class PasswordRefused(IncidentError):
    """A password that may not be used; `faults` lists every reason."""

    code = "password_refused"


class LoginRefused(IncidentError):
    """The name or the password is wrong; which of them is not said."""

    code = "login_refused"


class LoginLocked(IncidentError):
    """Too many wrong passwords in a row; the name must wait."""

    code = "login_locked"
