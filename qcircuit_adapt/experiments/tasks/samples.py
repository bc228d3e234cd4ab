"""A row of each published data set, in its format and of our own making: for dry runs and tests."""

from __future__ import annotations

from qcircuit_adapt.experiments.task import Row

_CHOICES = {"text": ["iron", "wool", "glass"], "label": ["A", "B", "C"]}

SAMPLES: dict[str, Row] = {
    "drop": {
        "section_id": "s1",
        "query_id": "q1",
        "passage": "The home side scored twice before the break and three times after it.",
        "question": "How many times did the home side score?",
        "answers_spans": {"spans": ["5"], "types": ["number"]},
    },
    "boolq": {
        "question": "is tin a metal",
        "passage": "Tin is a soft metal that melts at 232 degrees.",
        "answer": True,
    },
    "piqa": {
        "goal": "dry a wet shoe",
        "sol1": "Fill it with paper.",
        "sol2": "Fill it with soup.",
        "label": 0,
    },
    "siqa": {
        "context": "Kim forgot the keys at work.",
        "question": "What will Kim do next?",
        "answerA": "go back to work",
        "answerB": "buy a boat",
        "answerC": "fall asleep",
        "label": "1",
    },
    "hellaswag": {
        "ind": 4,
        "activity_label": "Baking bread",
        "ctx_a": "A man kneads dough.",
        "ctx_b": "he",
        "ctx": "A man kneads dough. he",
        "endings": ["paints it.", "puts it into an oven.", "sings to it.", "throws it away."],
        "label": "1",
    },
    "winogrande": {
        "sentence": "The cup did not fit into the box because the _ was too small.",
        "option1": "cup",
        "option2": "box",
        "answer": "2",
    },
    "arc-e": {
        "id": "e1",
        "question": "Which of these keeps a hand warm?",
        "choices": _CHOICES,
        "answerKey": "B",
    },
    "arc-c": {
        "id": "c1",
        "question": "Which of these lets light through?",
        "choices": {**_CHOICES, "label": ["1", "2", "3"]},
        "answerKey": "3",
    },
    "obqa": {
        "id": "o1",
        "question_stem": "A magnet pulls",
        "choices": _CHOICES,
        "answerKey": "A",
    },
    "aqua": {
        "question": "A train goes 60 km in an hour. How far does it go in 3 hours?",
        "options": ["A)20", "B)180", "C)63", "D)160", "E)200"],
        "rationale": "60 * 3 = 180.",
        "correct": "B",
    },
    "gsm8k": {
        "question": "Jo has 3 boxes of 12 pens. How many pens has Jo?",
        "answer": "Jo has 3 * 12 = <<3*12=36>>36 pens.\n#### 36",
    },
    "mawps": {
        "id": "m1",
        "question": "Sam had 7 plums and ate 2. How many are left?",
        "result": "5",
        "result_float": 5.0,
    },
    "svamp": {
        "ID": "chal-1",
        "Body": "There are 8 birds on a fence. 3 fly away.",
        "Question": "How many birds are left?",
        "Equation": "( 8.0 - 3.0 )",
        "Answer": "5",
        "Type": "Subtraction",
    },
    "math-10k": {
        "instruction": "What is 2 + 2?",
        "input": "",
        "output": "2 + 2 = 4. The answer is 4.",
        "answer": "4.0",
    },
    "commonsense-170k": {
        "instruction": "Is tin a metal? true or false?",
        "input": "",
        "output": "the correct answer is true",
        "answer": "true",
    },
    "sst2": {"sentence": "a warm and clever film", "label": 1, "idx": 0},
    "mrpc": {
        "sentence1": "The shop opens at nine.",
        "sentence2": "At nine the shop opens.",
        "label": 1,
        "idx": 0,
    },
    "cola": {"sentence": "The dog the ball chased.", "label": 0, "idx": 0},
    "rte": {
        "sentence1": "Ann sold her car to Bo.",
        "sentence2": "Bo has a car.",
        "label": 0,
        "idx": 0,
    },
    "stsb": {
        "sentence1": "A cat sleeps.",
        "sentence2": "A cat is asleep.",
        "label": 4.8,
        "idx": 0,
    },
}
