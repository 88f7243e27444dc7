import torch
from torch import nn

from bonaface.evaluation.router_history import router_epochs
from bonaface.models.router_health import recorded
from bonaface.models.soft_moe import ExpertsConfig, LaSoftMoE
from bonaface.training.events import append_event, forget_from, read_events
from bonaface.training.router_record import write_routers


def test_the_health_of_an_epoch_is_a_line_that_reads_back(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(
        *(LaSoftMoE(6, ExpertsConfig(num_experts=2, slots_per_expert=3, hidden=2)) for _ in range(2))
    )
    with recorded(model, ("bonafide", "print")) as recorder:
        recorder.expect(torch.tensor([0, 1]))
        model(torch.randn(2, 9, 6))
    health = recorder.health()
    append_event(tmp_path, "epoch", epoch=0, loss=0.5)
    write_routers(tmp_path, epoch=0, health=health)
    write_routers(tmp_path, epoch=1, health=health)
    first, second = router_epochs(read_events(tmp_path))
    assert (first.epoch, second.epoch) == (0, 1)
    for found, written in zip(first.routers, health, strict=True):
        for name in ("name", "num_tokens", "num_slots", "slots_per_token", "tokens_per_slot", "load", "species_load", "findings"):  # fmt: skip
            assert getattr(found, name) == getattr(written, name)
    forget_from(tmp_path, 1)
    assert [one.epoch for one in router_epochs(read_events(tmp_path))] == [0]


def test_a_model_without_experts_leaves_no_line(tmp_path):
    write_routers(tmp_path, epoch=0, health=())
    assert read_events(tmp_path) == []
