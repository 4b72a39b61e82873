"""Answers of logs and documents as rows: what stands in a line of JSON, and in a line of CSV."""

from typing import Any

from acteme.engine.answers import Answer, Extraction, Judgement, Oddity, Recommendation, Span


def told(answer: Answer) -> dict[str, Any]:
    """An answer as JSON values."""
    match answer:
        case Recommendation():
            why = answer.reasons or [()] * len(answer.items)
            found = zip(answer.items, answer.titles, answer.scores, why, strict=True)
            rows = [{"item": item, **({"title": title} if title else {}), "score": round(score, 4),
                     **({"because": {name: round(part, 4) for name, part in parts}} if parts else {})}
                    for item, title, score, parts in found]  # fmt: skip
            return {"recording": answer.recording, "user": answer.user, "recommended": rows}
        case Judgement():
            known = {"user": answer.user, "item": answer.item, "title": answer.title}
            return {"recording": answer.recording, "event": answer.event, "time": answer.time,
                    **{name: value for name, value in known.items() if value},
                    answer.kind: round(answer.value, 6)}  # fmt: skip
        case Oddity():
            return {"recording": answer.recording, **({"user": answer.user} if answer.user else {}),
                    "event": answer.event, "time": answer.time, "oddity": round(answer.score, 4),
                    "fields": dict(answer.fields), "pair": list(answer.pair), "new": list(answer.new)}  # fmt: skip
        case Extraction():
            return {"recording": answer.recording, "event": answer.event, "trigger": _words(answer.trigger),
                    "arguments": [{"role": s.role, **_words(s), "score": round(s.score, 4)}
                                  for s in answer.arguments]}  # fmt: skip
    raise TypeError(answer)


def header(answer: Answer) -> list[str]:
    """Names of the columns of answers of this kind."""
    match answer:
        case Recommendation():
            return ["user", "rank", "item", "title", "score", *(["because"] if answer.reasons else [])]
        case Judgement():
            return ["recording", "user", "event", "time", "item", "title", answer.kind]
        case Oddity():
            return ["recording", "user", "event", "time", "oddity", *(name for name, _ in answer.fields), "pair", "new"]
        case Extraction():
            return ["recording", "event", "trigger", "role", "words", "first", "last", "score"]
    raise TypeError(answer)


def rows(answer: Answer) -> list[list[Any]]:
    """An answer as rows of such a table."""
    match answer:
        case Recommendation():
            found = zip(answer.items, answer.titles, answer.scores, strict=True)
            why = [["; ".join(name for name, _ in parts)] for parts in answer.reasons] or [[]] * len(answer.items)
            return [[answer.user or answer.recording, n, item, title, round(score, 4), *parts]
                    for n, ((item, title, score), parts) in enumerate(zip(found, why, strict=True), 1)]  # fmt: skip
        case Judgement():
            return [[answer.recording, answer.user, answer.event, answer.time, answer.item, answer.title,
                     round(answer.value, 6)]]  # fmt: skip
        case Oddity():
            ends = (" + ".join(answer.pair), " + ".join(answer.new))
            return [[answer.recording, answer.user, answer.event, answer.time, round(answer.score, 4),
                     *(value for _, value in answer.fields), *ends]]  # fmt: skip
        case Extraction():
            return [[answer.recording, answer.event, answer.trigger.words, s.role, s.words, s.first, s.last,
                     round(s.score, 4)] for s in answer.arguments]  # fmt: skip
    raise TypeError(answer)


def scored(answer: Extraction) -> dict[str, Any]:
    """An extraction as the official scorers of arguments read it; see `recordings.documents.predictions`."""
    event = [[answer.trigger.first, answer.trigger.last],
             *([s.first, s.last, s.role, round(s.score, 6)] for s in answer.arguments)]  # fmt: skip
    return {"doc_key": answer.recording, "predictions": [event]}


def _words(span: Span) -> dict[str, Any]:
    return {"words": span.words, "first": span.first, "last": span.last}
