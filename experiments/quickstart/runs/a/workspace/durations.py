import sys

UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


def parse(text):
    total = 0
    for part in text.split():
        total += int(part[:-1]) * UNITS[part[-1]]
    return total


def humanize(seconds):
    parts = []
    for unit, size in UNITS.items():
        if seconds >= size:
            parts.append(str(seconds // size) + unit)
            seconds = seconds % size
    return " ".join(parts)


if __name__ == "__main__":
    command = sys.argv[1]
    if command == "parse":
        print(parse(sys.argv[2]))
    elif command == "format":
        print(humanize(int(sys.argv[2])))
    elif command == "sum":
        print(humanize(sum(parse(arg) for arg in sys.argv[2:])))
