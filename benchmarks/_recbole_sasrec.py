"""Trains and evaluates RecBole's SASRec; started by `recommend_training.py` as a process of its own.

Arguments: the folder that RecBole's requirements are in, the folder with `log/log.inter`, settings as JSON, and where
to write the scores of all items for each user. It says `ready` and then obeys: each line read is a thing to do, each
line printed the processor time that it took.
"""

import json
import logging
import os
import sys
import time


def main(required, place, told, to):
    sys.path.insert(0, required)  # before anything that might load another NumPy
    sys.argv, out, sys.stdout = sys.argv[:1], sys.stdout, sys.stderr
    import numpy as np
    import torch
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model.sequential_recommender.sasrec import SASRec
    from recbole.trainer import Trainer
    from recbole.utils import init_seed

    torch.set_num_threads(1)
    given = json.loads(told)
    anomaly = torch.is_anomaly_enabled()  # by the import
    os.chdir(place)
    config = Config(model="SASRec", dataset="log", config_dict={
        "data_path": place, "load_col": {"inter": ["user_id", "item_id", "timestamp"]}, "use_gpu": False,
        "MAX_ITEM_LIST_LENGTH": given["length"], "eval_step": 0, "train_neg_sample_args": None, "loss_type": "CE",
        "train_batch_size": given["batch"], "eval_batch_size": 4096, "learning_rate": given["lr"],
        "hidden_size": given["width"], "inner_size": 4 * given["width"], "n_layers": 2, "n_heads": 2,
        "hidden_dropout_prob": given["drop"], "attn_dropout_prob": given["drop"], "metrics": ["Hit", "NDCG", "MRR"],
        "topk": [5, 10, 20], "valid_metric": "NDCG@10", "seed": given["seed"], "reproducibility": False,
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"},
        "show_progress": False,
    })  # fmt: skip
    logging.disable(logging.CRITICAL)
    init_seed(given["seed"], False)
    dataset = create_dataset(config)
    train, _, test = data_preparation(config, dataset)
    model = SASRec(config, train.dataset)
    trainer = Trainer(config, model)
    trainer.eval_collector.data_collect(train)

    def scores():
        model.eval()
        names = dataset.field2id_token["item_id"]
        column = np.array([0, *(int(name) for name in names[1:])])
        scores = np.full((len(test.dataset), given["items"] + 1), -np.inf, np.float32)
        target = np.zeros(len(scores), np.int64)
        with torch.no_grad():
            for interaction, _, _, positive in test:
                found = model.full_sort_predict(interaction).numpy()
                user = np.array([int(dataset.field2id_token["user_id"][u]) for u in interaction["user_id"]])
                scores[np.ix_(user, column)] = found
                target[user] = column[positive.numpy()]
        np.savez(to, scores=scores, target=target, rows=len(train.dataset))

    does = {"epoch": lambda: trainer._train_epoch(train, 0),
            "evaluate": lambda: trainer.evaluate(test, load_best_model=False), "scores": scores}  # fmt: skip
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        what, _, detect = line.strip().partition(" ")
        torch.autograd.set_detect_anomaly(anomaly and bool(detect))
        begun = time.process_time()
        does[what]()
        print(time.process_time() - begun, file=out, flush=True)


main(*sys.argv[1:])
