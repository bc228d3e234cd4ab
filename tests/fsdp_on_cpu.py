"""The command line with accelerate's FSDP on the CPU; `test_experiment_distributed.py` runs it.

accelerate shards models on accelerators only. Told that its processes are such, it does the same on
the CPU, with gloo.
"""

import sys

from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from torch.distributed.tensor import DTensor

from qcircuit_adapt.cli import main

initialize = AcceleratorState.__init__
get_state_dict = Accelerator.get_state_dict


def initialize_sharded(self, *args, fsdp_plugin=None, **options):
    initialize(self, *args, fsdp_plugin=fsdp_plugin, **options)
    if self.distributed_type == DistributedType.MULTI_CPU and fsdp_plugin is not None:
        self.distributed_type = DistributedType.FSDP
        self.fsdp_plugin = fsdp_plugin


def get_whole_state_dict(self, model, unwrap=True):
    """Gather the shards that accelerate leaves as they are on the CPU."""
    found = get_state_dict(self, model, unwrap)
    return {k: v.full_tensor() if isinstance(v, DTensor) else v for k, v in found.items()}


AcceleratorState.__init__ = initialize_sharded
Accelerator.get_state_dict = get_whole_state_dict

if __name__ == "__main__":
    main(sys.argv[1:])
