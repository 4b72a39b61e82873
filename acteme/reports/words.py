"""What the metrics are called and what they mean."""

import math

ABOUT = {
    "top1": ("Top-1 accuracy", "Share of test recordings whose best-scored class is the true one."),
    "top5": ("Top-5 accuracy", "Share of test recordings whose true class is among the five best."),
    "mean_class_accuracy": (
        "Mean class accuracy",
        "Accuracy of each class, averaged: rare classes count like frequent.",
    ),
    "many_shot": ("Many-shot accuracy", "Mean accuracy of the classes with more than 100 training recordings."),
    "medium_shot": ("Medium-shot accuracy", "Mean accuracy of the classes with 20 to 100 training recordings."),
    "few_shot": ("Few-shot accuracy", "Mean accuracy of the classes with fewer than 20 training recordings."),
    "f1_macro": ("Macro F1", "F1 of each class, averaged: rare classes count like frequent."),
    "f1_micro": ("Micro F1", "F1 of all classes together; with one class per recording, the accuracy."),
    "group_top1": ("Top-1 accuracy, groups", "Share of test recordings whose group of classes is the true one."),
    "group_f1_macro": ("Macro F1, groups", "F1 of each group of classes, averaged."),
    "group_f1_micro": ("Micro F1, groups", "F1 of all groups together; the accuracy of the group."),
    "f1_mean": ("Mean F1", "Mean of macro and micro F1 of classes and of groups, as MA-52 counts."),
    "frame_map": ("Frame mAP", "Average precision of each class over all test frames, averaged over classes."),
    "frame_map_1_action": ("Frame mAP, one action", "Frame mAP over the frames in which exactly one action holds."),
    "frame_map_2_actions": ("Frame mAP, two at once", "Frame mAP over the frames in which exactly two actions hold."),
    "frame_map_tsu": ("Frame mAP, TSU rule", "As the Toyota Smarthome Untrimmed script counts."),
    "frame_map_charades": ("Frame mAP, Charades rule", "25 frames per recording, as Charades localization counts."),
    "frame_accuracy": ("Frame accuracy", "Share of test frames whose class, or absence of one, is right."),
    "frame_accuracy_actions": (
        "Frame accuracy, actions",
        "Share of the test frames with an action whose class is right.",
    ),
    "edit": (
        "Edit score",
        "1 - edit distance between the predicted and the true order of actions, relative to its length.",
    ),
    "edit_background": (
        "Edit score with background",
        "Edit score that counts stretches without an action as segments.",
    ),
    "car": ("Chronological accuracy", "Share of test motions that are nearer to their events in order than shuffled."),
    "car_half": ("Chronological accuracy, ties half", "The same, where a text that ties counts half."),
    "car_original": (
        "Chronological accuracy, original",
        "Captions as written against shuffled events; style tells.",
    ),
    "car_original_half": (
        "Chronological accuracy, original, ties half",
        "The same, where a text that ties counts half.",
    ),
    "t2m_median_rank": ("Motions for texts, median rank", "Place of the true motion for half of the texts, or better."),
    "m2t_median_rank": ("Texts for motions, median rank", "Place of the true text for half of the motions, or better."),
    "ade": ("ADE", "Mean distance between predicted and true positions, in units of the data; the lower, the better."),
    "fde": ("FDE", "Distance between the last predicted and the last true position; the lower, the better."),
    "miss_rate": ("Miss rate", "Share of predictions whose last position is off by 5% of the scene's longer side."),
    "cv_ade": ("ADE, constant velocity", "The ADE if everyone went on as in the last two observed positions."),
    "cv_fde": ("FDE, constant velocity", "The FDE if everyone went on as in the last two observed positions."),
    "gain_over_cv": ("Gain over constant velocity", "Share of its ADE that is saved, the mean over scenes."),
    "frozen_ade": ("ADE before adaptation", "The ADE of the predictor before it was adapted to the scenes."),
    "gain": ("Gain by adaptation", "Share of the ADE before adaptation that is saved, the mean over scenes."),
    "human_seconds": ("Human-seconds", "Seconds of people that a scene was adapted on, the mean over scenes."),
    "precision": ("Precision", "Share of what was found that is true."),
    "recall": ("Recall", "Share of what is true that was found."),
    "f1": ("F1", "Arguments by all of their words and their role: harmonic mean of precision and recall."),
    "identification_f1": ("F1 without roles", "Arguments by all of their words, whatever their role."),
    "head_f1": ("Head F1", "Arguments by the syntactic head of their words, and their role."),
    "head_identification_f1": ("Head F1 without roles", "Arguments by the syntactic head of their words."),
    "ruled_head_f1": ("Head F1 by rule", "Arguments by the head of their words as a rule tells it, and their role."),
    "ruled_head_identification_f1": ("Head F1 by rule, without roles", "Arguments by the head of their words alone."),
    "coref_f1": ("Coreferent F1", "Arguments by any mention of the same entity, and their role."),
    "coref_identification_f1": ("Coreferent F1 without roles", "Arguments by any mention of the same entity."),
    "f1_at+0": ("F1, same sentence", "F1 of arguments in the sentence of the trigger."),
    **{
        f"f1_at{d:+d}": (f"F1, {far} {way}", f"F1 of arguments {far} {way} the trigger's.")
        for d, far, way in (
            (-2, "two sentences", "before"),
            (-1, "one sentence", "before"),
            (1, "one sentence", "after"),
            (2, "two sentences", "after"),
        )
    },
    "mrr": ("Mean reciprocal rank", "Mean over all who ask of 1 / the place of what is right."),
    "auc": ("AUC", "Share of pairs of a positive and a negative of which the positive one scores higher."),
    "gauc_size": ("AUC within groups", "AUC within each group, such as a category, weighted by its size."),
    "log_loss": ("Log-loss", "Mean of -log of the probability given to what came; the lower, the better."),
    "information_gain": (
        "Information gain",
        "Share of the uncertainty of the base rate that is gone; 0 for a constant.",
    ),
    "click_rate": ("Click rate", "Share of events that are positive."),
    "mse": ("MSE", "Mean squared error of ratings; the lower, the better."),
    "rmse": ("RMSE", "Root of the mean squared error of ratings; the lower, the better."),
    "mae": ("MAE", "Mean absolute error of ratings; the lower, the better."),
    "constant_mse": ("MSE of a constant", "Mean squared error of the mean rating."),
    "average_precision": ("Average precision", "Mean precision at each anomaly, the oddest events first."),
    "anomaly_rate": ("Anomaly rate", "Share of anomalies; the precision of chance."),
    "auc_rarity": ("AUC of rarity", "AUC of how rare the values of an event are, by counting."),
    "auc_strangeness": ("AUC of strangeness", "AUC of how seldom values are together, two by two, by counting."),
    "auc_condition": (
        "AUC of condition",
        "AUC of how seldom the two values are together that are so least, by counting.",
    ),
    "average_precision_rarity": ("Average precision of rarity", "By counting how rare the values of an event are."),
    "average_precision_strangeness": (
        "Average precision of strangeness",
        "By counting how seldom values are together, two by two.",
    ),
    "average_precision_condition": (
        "Average precision of condition",
        "By counting how seldom the two values are together that are so least.",
    ),
    "new_events": ("New events", "Share of the test's events whose values, all together, training has not."),
    "job_mrr": ("MRR, jobs for people", "One over the place of the first right job, the mean over people."),
    "job_concept_ap": ("Skills of jobs, AP", "Average precision of a job's concepts, ranked by value, at its skills."),
    "job_concept_base": ("Skills of jobs, at random", "What concepts in random order would have."),
    "job_concept_gap": ("Skills of jobs, gap", "Mean value of a concept where a job has it minus where it has not."),
    "profile_concept_ap": ("Skills of people, AP", "The same of people's concepts and the skills that they list."),
    "profile_concept_base": ("Skills of people, at random", "What concepts in random order would have."),
    "profile_concept_gap": ("Skills of people, gap", "The same gap, of people and the skills that they list."),
    "fvu": ("Variance unexplained", "Share of the variance of vectors that the latents do not explain."),
    "dead": ("Dead latents", "Share of the latents that are active in no vector."),
    "active": ("Active latents", "Latents that a vector has, the mean."),
    "deletion": ("Deletion", "Loss of score without its three greatest concepts, over that without random ones."),
    "nats": ("Nats of answers", "Mean of -log p of a token of the right answers; the lower, the better."),
    "exact": ("Exact answers", "Share of questions whose answer is found, to its end."),
    "nats_read": ("Nats from texts", "The same if the language model reads the items' texts: what can be had at most."),
    "perplexity": ("Perplexity of plain text", "Of the language model, on texts of the catalog without any slot."),
    "perplexity_before": ("Perplexity before", "The same before training; it must not move where the model is frozen."),
    "trained_parameters": ("Trained parameters", "Numbers that are learned; those of a frozen language model are not."),
    "table_values": ("Embedding values", "Numbers in the table of embeddings that are not zero."),
    "table_share": ("Share of the table", "Numbers that are not zero, of all that the table has room for."),
    "table_bytes": ("Bytes of values", "What the stored values of the table of embeddings take."),
    "index_bytes": ("Bytes of the index", "What says where the stored values belong; nothing where all are stored."),
    "training_seconds": ("Seconds of training", "Of all stages, a search among them, where they were trained."),
    "dense_bytes": ("Bytes of the whole table", "What the table would take if zeros were stored, too."),
    "other_parameters": ("Other parameters", "Trained numbers besides the table of embeddings."),
    "event_map_activitynet": ("Event mAP, ActivityNet", "Mean of the event mAP at overlaps 0.5, 0.55, ..., 0.95."),
}
"""Name to title and meaning; those below carry a threshold after '@'."""

QUESTIONS = {
    "catalogue": "items whose text was seen, but no answer",
    "new": "items that nothing was said of",
    "validation": "items that are held for choosing when to stop",
    "taught": "items with answers in training",
    "given": "the questions that came with the data",
    "rare": "the third of the questions whose items have the fewest events in training",
    "frequent": "the third of the questions whose items have the most events in training",
    "seen": "what comes next, asked in forms that training has seen",
    "unseen": "what comes next, asked in forms that training has not seen",
}
"""Groups of questions, in words."""

ABOUT |= {
    f"{name}_{group}": (f"{ABOUT[name][0]}, {group}", f"{ABOUT[name][1]} Of {whose}.")
    for name in ("nats", "exact")
    for group, whose in QUESTIONS.items()
}

ABOUT |= {
    f"{name}@{k}_{split}": (f"{name.upper()}@{k}, {split} forms", f"{what} among the {k} likeliest answers{low}, asked "
                            f"in forms that training has {no}seen.")
    for name, what, low in (("hr", "Share of users for whom what came is", ""),
                            ("ndcg", "Share of users for whom what came is", ", a lower place counting less"))
    for k in (5, 10)
    for split, no in (("seen", ""), ("unseen", "not "))
}  # fmt: skip

SPACES = {"text": "texts, as MiniLM reads them", "vector": "collaborative vectors, read from texts by a linear map"}
"""Where it is measured whether what is said goes with items."""

ABOUT |= {
    f"consistency_{space}{kind}_{group}": (f"Consistency by {space}s{title}, {group}", f"Cosine of {what} and the item "
                                           f"in the space of {SPACES[space]}. Of {QUESTIONS[group]}.")
    for space in SPACES
    for kind, title, what in (("", "", "what is said"), ("_others", ", of others", "what is said of another item"),
                              ("_read", ", at most", "the item's own text"))
    for group in ("catalogue", "new", "validation", "taught", "given")
}  # fmt: skip

ABOUT_AT = {
    "f1": ("F1@{}", "Predicted segments that overlap a true one of their class by at least {} percent, as an F1."),
    "f1_background": ("F1@{} with background", "F1@{} that counts stretches without an action as segments."),
    "t2m_r": ("Motions for texts, R@{}", "Share of test texts whose motion is among the {} most similar."),
    "m2t_r": ("Texts for motions, R@{}", "Share of test motions whose text is among the {} most similar."),
    "event_map": ("Event mAP@{}", "Average precision of detected segments at a temporal overlap (IoU) of {}."),
    "min_ade": ("Least ADE of {}", "The ADE of the best of {} predictions; the lower, the better."),
    "min_fde": ("Least FDE of {}", "The FDE of the best of {} predictions; the lower, the better."),
    "goal_fde": ("Least goal error of {}", "Distance of the best of {} drawn goals; Y-net's code calls it FDE."),
    "job_hr": ("HR@{}, jobs for people", "Share of people with a right job among the first {}."),
    "job_ndcg": ("NDCG@{}, jobs for people", "The same of people and jobs, {} at most, a lower place counting less."),
    "job_mrr": ("MRR@{}, jobs for people", "1 / the place of the right job, where it is among the first {}; else 0."),
    "job_recall": ("Recall@{}, jobs for people", "Share of a person's right jobs that are among the first {}."),
    "job_map": ("MAP@{}, jobs for people", "Mean precision at each of the right jobs among the first {}."),
    "event_map_pku": ("Event mAP@{}, PKU-MMD rule", "At an overlap of {}, as the PKU-MMD script counts."),
}

ABOUT_AT |= {
    "hr": ("HR@{}", "Share of users for whom what came is among the {} best."),
    "ndcg": ("NDCG@{}", "Share of users for whom what came is among the {} best, where a lower place counts less."),
    "mrr": ("MRR@{}", "1 / the place of what came, where it is among the {} best; else 0."),
    "recall": ("Recall@{}", "Share of what came that is among the {} best."),
    "map": ("MAP@{}", "Mean precision at each of what came among the {} best."),
    "precision": ("Precision@{}", "Share of anomalies among the {} oddest events."),
}
SWAPS = {
    f"{metric}{new}{who}_{draw}": (
        f"{title} of {{}} exchanged, {draw}{', new events' if new else ''}{', by ' + who[1:] if who else ''}",
        f"Events against the same with {{}} of their values exchanged, {how}{which}{by}.",
    )
    for metric, title in (("auc", "AUC"), ("average_precision", "Average precision"))
    for draw, how in (("uniform", "drawn evenly"), ("marginal", "drawn as often as they occur"))
    for new, which in (("", ""), ("_new", "; only events that training has not"))
    for who, by in (("", ""), ("_rarity", "; counting how rare values are"),
                    ("_strangeness", "; counting how seldom two are together"),
                    ("_condition", "; counting how seldom the two are together that are so least"))
}  # fmt: skip
ABOUT_AT |= SWAPS

HEADLINES = {
    "segmentation": (
        "frame_map", "frame_map_1_action", "frame_map_2_actions", "frame_accuracy", "edit", "f1@25", "event_map@0.5",
    ),
    "recognition": ("top1", "top5", "group_top1", "f1_mean", "mean_class_accuracy", "few_shot"),
    "retrieval": ("car", "t2m_r@1", "m2t_r@1", "t2m_r@5", "m2t_r@5"),
    "forecasting": ("ade", "fde", "gain", "gain_over_cv", "cv_ade"),
    "ranking": ("ndcg@10", "hr@10", "mrr", "hr@5"),
    "clicks": ("auc", "gauc_size", "log_loss", "information_gain", "ndcg@10", "hr@10", "mrr", "rmse", "mae",
               "constant_mse", "table_values", "table_share"),
    "anomalies": (
        "auc", "average_precision", "auc_strangeness", "auc_rarity",
        "auc_marginal@1", "auc_strangeness_marginal@1", "auc_uniform@1", "auc_strangeness_uniform@1",
    ),
    "inspection": ("fvu", "ndcg@10", "base_ndcg@10", "dead"),
    "arguments": ("f1", "identification_f1", "head_f1", "ruled_head_f1", "coref_f1"),
    "conversation": ("nats_new", "nats_catalogue", "exact_new", "exact_catalogue", "nats", "ndcg@10"),
    "matching": ("mrr", "auc", "job_mrr", "job_concept_ap", "job_concept_gap"),
}  # fmt: skip
"""What is shown large, where it is defined: the first four of these."""


LENGTHS = ("ade", "fde", "cv_ade", "cv_fde", "frozen_ade", "human_seconds", "min_ade", "min_fde", "goal_fde",
           "mse", "rmse", "mae", "constant_mse", "log_loss", "deletion", "active", "nats", "nats_read", "perplexity",
           "perplexity_before", "training_seconds", *(f"nats_{group}" for group in QUESTIONS))  # fmt: skip
"""Metrics (without their threshold) that are numbers in units of the data, and no rates."""


COUNTS = ("trained_parameters", "table_values", "table_bytes", "index_bytes", "dense_bytes", "other_parameters")
"""Metrics that are whole numbers."""


OF = {
    "base_": (", the model itself", " Of the model that is inspected, as it is."),
    "job_": (", jobs for people", " Of jobs that are ranked for people."),
}
"""Whose a metric is that begins so: what is added to its title and its meaning."""


def is_rate(name: str) -> bool:
    """Whether a metric is a fraction, to be shown in percent."""
    return name.partition("@")[0] not in (*LENGTHS, *COUNTS)


PLAIN = ("t2m_median_rank", "m2t_median_rank")
"""Metrics that are no shares, and are shown as they are."""


def shown(name: str, value: float) -> str:
    """A metric's value as a table shows it: a share in percent, without the sign; a dash where it is undefined."""
    if not math.isfinite(value):
        return "–"  # noqa: RUF001
    if name in COUNTS:
        return f"{value:,.0f}"
    if not is_rate(name):
        return f"{value:.4g}"
    return f"place {value:.1f}" if name in PLAIN else f"{100 * value:.1f}"


def title_and_meaning(name: str) -> tuple[str, str]:
    """Words for a metric; an unknown one keeps its name."""
    for prefix, (whose, meant) in OF.items():
        title, about = title_and_meaning(name.removeprefix(prefix)) if name.startswith(prefix) else ("", "")
        if about and name not in ABOUT:
            return title + whose, about + meant
    kind, _, at = name.partition("@")
    title, about = ABOUT_AT.get(kind, ("", "")) if at and name not in ABOUT else ABOUT.get(name, (name, ""))
    return title.format(at) or name, about.format(at)
