"""The files of a small experiment that works: what ``new`` writes."""

from __future__ import annotations

EXPERIMENT = """\
# An experiment: runs that are finished, and the judges that grade each of them.
# Judge it with: pytest DIRECTORY --parallel 4
name: starter

# What the agents were asked, and what is asked of their answers.
task: task.md
rubric: rubric.yaml

# A directory for each run: output.md is what the agent answered, workspace/ what it left behind.
runs: runs/*

# The panel, in the order of the slots judge_01, judge_02, and so on. These two cost nothing.
judges:
  # Runs the commands of rubric.yaml in a copy of the workspace.
  - {name: checks, kind: checks, timeout: 30}
  # Calls the function grade of judge.py in a process of its own.
  - {name: words, kind: python, call: "judge:grade", timeout: 30}
  # A program of yours, which reads the prompt from stdin and writes its reply to stdout:
  # - {name: mine, kind: command, model: small, argv: [my-judge, --model, "{model}"], timeout: 600}
  # A person, who writes judge/judge_03/judgment.json; no member of the panel:
  # - {name: ada, kind: human}

# How the judgments of a run become one: the mean score, and what most of the panel say.
consensus: {score: mean, passed: majority, quorum: 2}
"""

TASK = """\
Write `hello.py`, which prints `Hello, World!`.
Say in one or two sentences what you did.
"""

RUBRIC = """\
# Categories have weights, criteria have points. A judge that cannot tell says "N/A".
categories:
  program:
    weight: 3
    items:
      # `run` and `expect` are for the judge "checks"; other judges read `check`.
      - id: prints
        check: It prints the greeting.
        points: 2
        run: python3 hello.py
        expect: Hello, World!
      - {id: ends_well, check: It ends without an error., points: 1, run: python3 hello.py}
  answer:
    weight: 1
    items:
      - {id: says_what, check: The answer says what was done., points: 1}
grading:
  pass_threshold: 0.7
"""

JUDGE = '''\
"""A judge in Python: gets the prompt and the paths, returns the reply."""

import json


def grade(prompt, paths):
    """Grade how the answer is written; the program is for others."""
    with open(paths.output, encoding="utf-8") as stream:
        words = stream.read().split()
    good = len(words) >= 5
    points = {
        "program": {
            "items": {
                "prints": {"achieved": "N/A", "max": "N/A", "reason": "not looked at"},
                "ends_well": {"achieved": "N/A", "max": "N/A", "reason": "not looked at"},
            }
        },
        "answer": {
            "items": {
                "says_what": {"achieved": int(good), "max": 1, "reason": f"{len(words)} words"}
            }
        },
    }
    reply = {
        "score": float(good),
        "passed": good,
        "reasoning": f"The answer has {len(words)} words.",
        "criteria_scores": points,
    }
    return json.dumps(reply)
'''


def starter() -> dict[str, str]:
    """Return the text of each file by its path."""
    return {
        "experiment.yaml": EXPERIMENT,
        "task.md": TASK,
        "rubric.yaml": RUBRIC,
        "judge.py": JUDGE,
        "runs/one/output.md": "I wrote hello.py and ran it; it prints the greeting.\n",
        "runs/one/workspace/hello.py": 'print("Hello, World!")\n',
        "runs/two/output.md": "Done.\n",
        "runs/two/workspace/hello.py": 'print("Hello World")\n',
    }
