"""Trains small adapted models on rows shared among processes; `test_hf_distributed.py` runs it.

two_processes.py RANK WORLD_SIZE STORE RESULT
"""

import sys

import torch
import torch.distributed as dist
from peft import get_peft_model, get_peft_model_state_dict
from tiny_models import make_llama, make_tokens
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from qcircuit_adapt.hf import CircuitConfig

STEPS = 3
ROWS = 4


def make_model():
    torch.manual_seed(0)
    circuits = {"v_proj": "lora(rank=2)"}
    return get_peft_model(make_llama(), CircuitConfig(circuits=circuits)).train()


def train(model, rows):
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=1.0)
    for _ in range(STEPS):
        model(input_ids=rows, labels=rows).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def collect(model):
    tensors = get_peft_model_state_dict(model)
    whole = {k: v.full_tensor() if hasattr(v, "full_tensor") else v for k, v in tensors.items()}
    return {key: value.detach() for key, value in whole.items()}


def main(rank, world_size, store, result):
    rank, world_size = int(rank), int(world_size)
    method = {"init_method": f"file://{store}", "rank": rank, "world_size": world_size}
    dist.init_process_group("gloo", **method)
    rows = make_tokens(rows=ROWS)[rank::world_size]

    ddp = make_model()
    train(DistributedDataParallel(ddp), rows)

    fsdp = make_model()
    mesh = dist.device_mesh.init_device_mesh("cpu", (world_size,))
    for layer in fsdp.base_model.model.model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(fsdp, mesh=mesh)
    train(fsdp, rows)

    results = {"ddp": collect(ddp), "fsdp": collect(fsdp)}
    if rank == 0:
        torch.save(results, result)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
