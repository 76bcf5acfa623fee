"""Enterprise-grade duration handling.

This module implements a tokenizer, a parser, a validation pipeline and a formatter
for human-readable durations.
"""

from __future__ import annotations

import argparse
import enum
import functools
import json
import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")
MAX_CACHE_SIZE = 1024


class DurationError(ValueError):
    """Base class of all errors of this module."""


class TokenizeError(DurationError):
    """The text cannot be split into tokens."""


class SyntaxDurationError(DurationError):
    """The tokens are in an order that makes no duration."""


class ValidationError(DurationError):
    """The parts of the duration break a rule."""


class FormatError(DurationError):
    """The number cannot be formatted."""


class Unit(enum.Enum):
    """A unit of time."""

    WEEK = ("w", 604800)
    DAY = ("d", 86400)
    HOUR = ("h", 3600)
    MINUTE = ("m", 60)
    SECOND = ("s", 1)

    def __init__(self, symbol: str, seconds: int) -> None:
        self.symbol = symbol
        self.seconds = seconds

    @classmethod
    def from_symbol(cls, symbol: str) -> Unit:
        """Return the unit with this symbol."""
        for unit in cls:
            if unit.symbol == symbol.lower():
                return unit
        raise TokenizeError(f"unknown unit: {symbol!r}")


class TokenType(enum.Enum):
    """The kinds of tokens."""

    NUMBER = enum.auto()
    UNIT = enum.auto()
    END = enum.auto()


@dataclass(frozen=True)
class Token:
    """One token of the text."""

    type: TokenType
    value: str
    position: int


@dataclass(frozen=True)
class Part:
    """A number with its unit."""

    amount: Decimal
    unit: Unit

    @property
    def seconds(self) -> Decimal:
        """Return the part in seconds."""
        return self.amount * self.unit.seconds


@dataclass
class ParseContext:
    """What travels through the pipeline."""

    text: str
    tokens: list[Token] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)


class Tokenizer:
    """Splits a text into tokens."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def tokens(self) -> Iterator[Token]:
        """Yield all tokens, the last of them END."""
        while True:
            self._skip_white_space()
            if self._position >= len(self._text):
                yield Token(TokenType.END, "", self._position)
                return
            character = self._text[self._position]
            if character in "0123456789":
                yield self._number()
            elif character.lower() in "wdhms" and character.isascii():
                yield Token(TokenType.UNIT, character, self._position)
                self._position += 1
            else:
                raise TokenizeError(
                    f"unexpected character {character!r} at position {self._position}"
                )

    def _skip_white_space(self) -> None:
        while self._position < len(self._text) and self._text[self._position].isspace():
            self._position += 1

    def _digits(self) -> str:
        start = self._position
        while self._position < len(self._text) and self._text[self._position] in "0123456789":
            self._position += 1
        return self._text[start : self._position]

    def _number(self) -> Token:
        start = self._position
        number = self._digits()
        if self._text[self._position : self._position + 1] == ".":
            self._position += 1
            fraction = self._digits()
            if not fraction:
                raise TokenizeError(f"digits missing at position {self._position}")
            number = f"{number}.{fraction}"
        return Token(TokenType.NUMBER, number, start)


class Stage(ABC, Generic[T]):
    """One stage of the pipeline."""

    @abstractmethod
    def run(self, context: ParseContext) -> ParseContext:
        """Run the stage."""


class TokenizeStage(Stage[Token]):
    """Fills in the tokens."""

    def run(self, context: ParseContext) -> ParseContext:
        """Run the stage."""
        context.tokens.extend(Tokenizer(context.text).tokens())
        return context


class AssembleStage(Stage[Part]):
    """Makes parts of the tokens."""

    def run(self, context: ParseContext) -> ParseContext:
        """Run the stage."""
        stream = iter(context.tokens)
        for token in stream:
            if token.type is TokenType.END:
                break
            if token.type is not TokenType.NUMBER:
                raise SyntaxDurationError(f"expected a number at position {token.position}")
            unit = next(stream)
            if unit.type is not TokenType.UNIT:
                raise SyntaxDurationError(f"expected a unit at position {unit.position}")
            context.parts.append(Part(Decimal(token.value), Unit.from_symbol(unit.value)))
        return context


class Validator(ABC):
    """A rule that the parts must keep."""

    @abstractmethod
    def validate(self, parts: Sequence[Part]) -> None:
        """Raise ValidationError if the rule is broken."""


class NotEmptyValidator(Validator):
    """There must be a part."""

    def validate(self, parts: Sequence[Part]) -> None:
        """Raise ValidationError if the rule is broken."""
        if not parts:
            raise ValidationError("a duration needs at least one part")


class DescendingOrderValidator(Validator):
    """Larger units come first, and no unit comes twice."""

    def validate(self, parts: Sequence[Part]) -> None:
        """Raise ValidationError if the rule is broken."""
        for left, right in zip(parts, parts[1:]):
            if left.unit.seconds <= right.unit.seconds:
                raise ValidationError(
                    f"{right.unit.symbol!r} must not follow {left.unit.symbol!r}"
                )


class WholeSecondsValidator(Validator):
    """The parts come to full seconds."""

    def validate(self, parts: Sequence[Part]) -> None:
        """Raise ValidationError if the rule is broken."""
        total = sum((part.seconds for part in parts), Decimal(0))
        if total != total.to_integral_value():
            raise ValidationError(f"{total} is not a whole number of seconds")


class ValidateStage(Stage[Validator]):
    """Applies the rules."""

    def __init__(self, validators: Iterable[Validator]) -> None:
        self._validators = tuple(validators)

    def run(self, context: ParseContext) -> ParseContext:
        """Run the stage."""
        for validator in self._validators:
            logger.debug("applying %s", type(validator).__name__)
            validator.validate(context.parts)
        return context


class Pipeline:
    """Runs stages one after the other."""

    def __init__(self, stages: Iterable[Stage]) -> None:
        self._stages = tuple(stages)

    def execute(self, text: str) -> ParseContext:
        """Send a text through all stages."""
        return functools.reduce(
            lambda context, stage: stage.run(context), self._stages, ParseContext(text)
        )


class PipelineFactory:
    """Builds pipelines."""

    @staticmethod
    def default() -> Pipeline:
        """Return the pipeline that parse uses."""
        validators = (NotEmptyValidator(), DescendingOrderValidator(), WholeSecondsValidator())
        return Pipeline((TokenizeStage(), AssembleStage(), ValidateStage(validators)))


class FormatStrategy(ABC):
    """A way to write a duration."""

    @abstractmethod
    def format(self, seconds: int) -> str:
        """Return the text."""


class CompactFormatStrategy(FormatStrategy):
    """Writes 1h 30m."""

    def format(self, seconds: int) -> str:
        """Return the text."""
        parts = []
        for unit in Unit:
            amount, seconds = divmod(seconds, unit.seconds)
            if amount:
                parts.append(f"{amount}{unit.symbol}")
        return " ".join(parts) or "0s"


class JsonFormatStrategy(FormatStrategy):
    """Writes a JSON object, for future integrations."""

    def format(self, seconds: int) -> str:
        """Return the text."""
        return json.dumps({"seconds": seconds})


def parse(text: str) -> int:
    """Return the number of seconds of a duration."""
    context = PipelineFactory.default().execute(text)
    return int(sum((part.seconds for part in context.parts), Decimal(0)))


def humanize(seconds: int, strategy: FormatStrategy | None = None) -> str:
    """Return the text for a number of seconds."""
    if seconds < 0:
        raise FormatError(f"cannot format {seconds}: below zero")
    return (strategy or CompactFormatStrategy()).format(seconds)


class Command(ABC):
    """A command of the program."""

    @abstractmethod
    def execute(self, arguments: argparse.Namespace) -> str:
        """Return what is printed."""


class ParseCommand(Command):
    """Prints the seconds of a duration."""

    def execute(self, arguments: argparse.Namespace) -> str:
        """Return what is printed."""
        return str(parse(arguments.values[0]))


class FormatCommand(Command):
    """Prints a number of seconds as a duration."""

    def execute(self, arguments: argparse.Namespace) -> str:
        """Return what is printed."""
        return humanize(int(arguments.values[0]))


class SumCommand(Command):
    """Prints the sum of durations."""

    def execute(self, arguments: argparse.Namespace) -> str:
        """Return what is printed."""
        return humanize(sum(parse(value) for value in arguments.values))


COMMANDS: dict[str, Callable[[], Command]] = {
    "parse": ParseCommand,
    "format": FormatCommand,
    "sum": SumCommand,
}


def main() -> int:
    """Run the program and return its exit status."""
    parser = argparse.ArgumentParser(description="Parse, format and add up durations.")
    parser.add_argument("command", choices=sorted(COMMANDS))
    parser.add_argument("values", nargs="+")
    arguments = parser.parse_args()
    try:
        print(COMMANDS[arguments.command]().execute(arguments))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
