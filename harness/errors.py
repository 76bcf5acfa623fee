"""One exception class per person who must act; of a judge, one for each thing that follows."""

from __future__ import annotations

from typing import Any


class HarnessError(Exception):
    """Base of every error that the harness explains in one message."""


class ExperimentError(HarnessError):
    """The author of an experiment must change a file; the message names it and the way out."""


class JudgeError(HarnessError):
    """A judge gave no valid judgment; whoever reruns the session reads the message.

    The slot counts as tried and failed. ``spent``: what the call is known to have cost, as a
    reply without text; None if nothing is known. ``reminder``: what is said of it to the judge
    if it is asked once more, by default the message. ``unpaid``: it is sure that the call cost
    nothing, because nobody was asked or because the provider refused to answer.
    """

    spent: Any = None
    reminder: str | None = None
    unpaid: bool = False


class NotStartedError(JudgeError):
    """The judge's program could not be started; nothing was paid."""

    unpaid = True


class KeptError(JudgeError):
    """The judge answered, but somebody wrote the slot's judgment meanwhile: theirs stands.

    The answer is kept; if their judgment goes away it is adopted.
    """


class DiskError(HarnessError):
    """The disk refused what must be written before money is spent; nothing was paid.

    The slot is as it was. Whoever owns the disk must act.
    """


class RetryableError(JudgeError):
    """The judge answered too late or with something that is no verdict; asking again may help.

    ``again``: what whoever asks once more must know; None if it is not to be asked any more.
    """

    again: Any = None


class ThrottledError(JudgeError):
    """The judge's provider asks for fewer calls for a moment; the slot was not tried.

    ``retry_after``: seconds that it asks to wait, None if it does not say.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UsageLimitError(JudgeError):
    """What the judge's owner may use is used up; the slot was not tried.

    ``until``: when it may be used again, in seconds since the epoch, None if unknown.
    """

    def __init__(self, message: str, *, until: float | None = None) -> None:
        super().__init__(message)
        self.until = until


class TransientError(JudgeError):
    """The judge's provider failed in a way that passes (overloaded, connection lost).

    ``retry_after``: seconds that it asks to wait, None if it does not say.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnreachableError(TransientError):
    """Nobody answers at the judge's endpoint, so no call of it can work now; nothing was paid."""

    unpaid = True


class UnusableJudgeError(JudgeError):
    """No call of this judge can work: bad key, unknown model, no credit, not logged in.

    Whoever configured the judge must act.
    """


class SelectionError(HarnessError):
    """The person at the command line asked for something that is not there."""


class Interrupted(BaseException):
    """A call was ended because the session stops; the slot stays as it was.

    A ``BaseException``, because a wrapper that turns any ``Exception`` of a judge
    into a failed slot must not turn the end of the session into one.
    """


class Terminated(BaseException):
    """The process was told to end (SIGTERM)."""
