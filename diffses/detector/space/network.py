"""SPACE: a frame as a background and objects in the cells of a grid, learned by reconstruction.

Source: Lin et al. 2020, SPACE: Unsupervised Object-Oriented Scene Representation via Spatial
Attention and Decomposition (arXiv:2001.02407). Each cell of a 16x16 grid has latents for the
presence of an object (z_pres), its position and size (z_where), its depth (z_depth) and its
appearance (z_what); objects are rendered over the background, and the evidence lower bound is
maximised.

Smaller than the paper's, to train on two CPU cores: the background is one learned picture,
initialised with the median frame, instead of K components; the encoder also sees the difference to
it; only the CELLS cells that differ most from it are encoded; a cell is rendered into a window
around itself, which bounds the size of an object; glimpses pass through dense layers; there is no
boundary loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn import functional

SIDE = 128  # px: frames are resized to SIDE x SIDE
CELL = 8  # px
GRID = SIDE // CELL
GLIMPSE = 12  # px: side of the glimpses that are encoded and decoded
CELLS = 64  # cells per frame that are encoded
WINDOW = 24  # px: side of the window that a cell is rendered into
LARGEST = 16.0  # px: greatest width and height of an object
OFFSET = 5.0  # px: greatest distance, per axis, of an object's centre from its cell's
CODE = 16  # dimensions of z_what
PIXEL_STD = 0.15  # standard deviation of a pixel, colours lying in 0..1
MIN_STD = 1e-4  # least standard deviation of a latent


@dataclass(frozen=True)
class Latents:
    """The latents of a batch of frames, one row per encoded cell: (b, c, ...), c = CELLS."""

    cell: Tensor  # int64 (b, c): index of the cell, row by row
    pres: Tensor  # (b, c): probability that there is an object
    where: Normal  # (b, c, 4): width, height, x, y, before squashing
    depth: Normal  # (b, c)
    what: Normal  # (b, c, CODE)
    drawn: Tensor  # (b, c, 4, GLIMPSE, GLIMPSE): RGB and alpha, 0 to 1
    box: Tensor  # (b, c, 4): width, height, and offset from the cell's centre, px of SIDE


@dataclass(frozen=True)
class SpaceLoss:
    """Terms of the negative evidence lower bound, nats per frame."""

    reconstruction: Tensor
    pres: Tensor
    where: Tensor
    depth: Tensor
    what: Tensor

    @property
    def total(self) -> Tensor:
        return self.reconstruction + self.pres + self.where + self.depth + self.what


@dataclass(frozen=True)
class Schedule:
    """Annealed quantities."""

    temperature: float  # of the relaxed z_pres; Maddison et al. 2017
    prior: float  # probability of an object in a cell


class Space(nn.Module):
    """Autoencoder of frames, float32 (b, 3, SIDE, SIDE) in 0..1."""

    def __init__(self, background: Tensor) -> None:
        super().__init__()
        self.background = nn.Parameter(background.clone())  # (3, SIDE, SIDE)
        self.eye = nn.Sequential(
            *_block(6, 16, 2), *_block(16, 32, 2), *_block(32, 64, 2), *_block(64, 64, 1)
        )
        self.heads = nn.Conv2d(64, 1 + 8 + 2, 1)
        self.glimpse = nn.Sequential(
            nn.Linear(3 * GLIMPSE**2, 128), nn.CELU(), nn.Linear(128, 2 * CODE)
        )
        self.draw = nn.Sequential(nn.Linear(CODE, 128), nn.CELU(), nn.Linear(128, 4 * GLIMPSE**2))
        with torch.no_grad():
            self.heads.weight.mul_(0.1)
            bias = torch.zeros(1 + 8 + 2)
            bias[0] = -2.0  # few objects at first
            assert self.heads.bias is not None
            self.heads.bias.copy_(bias)

    def infer(self, frames: Tensor, schedule: Schedule | None = None) -> tuple[Latents, Tensor]:
        """The latents, and z_pres: a relaxed sample in training, else its probability."""
        seen = self.eye(torch.cat([frames, frames - self.background], dim=1))
        out = self.heads(seen).flatten(2).transpose(1, 2)  # (b, GRID * GRID, 11)
        cell = self._differing(frames)
        out = out.gather(1, cell[..., None].expand(-1, -1, out.shape[2]))
        logit = out[..., 0].clamp(-9, 9)
        pres = torch.sigmoid(logit)
        where = Normal(out[..., 1:5], _positive(out[..., 5:9]))
        depth = Normal(out[..., 9], _positive(out[..., 10]))
        learning = schedule is not None
        z_where = where.rsample() if learning else where.mean
        z_pres = _relaxed(logit, schedule.temperature) if schedule is not None else pres
        size = 1 + (LARGEST - 1) * torch.sigmoid(z_where[..., :2] - 1)
        box = torch.cat([size, OFFSET * torch.tanh(z_where[..., 2:])], dim=-1)
        code = self.glimpse(crop_glimpses(frames, cell, box))
        what = Normal(code[..., :CODE], _positive(code[..., CODE:]))
        z_what = what.rsample() if learning else what.mean
        drawn = torch.sigmoid(self.draw(z_what)).view(*cell.shape, 4, GLIMPSE, GLIMPSE)
        return Latents(cell, pres, where, depth, what, drawn, box), z_pres

    @torch.no_grad()
    def _differing(self, frames: Tensor) -> Tensor:
        """The cells whose surroundings differ most from the background, int64 (b, CELLS)."""
        difference = (frames - self.background).abs().sum(dim=1, keepdim=True)
        around = functional.avg_pool2d(difference, 2 * CELL, CELL, CELL // 2)
        return around.flatten(1).topk(CELLS, dim=1).indices

    def render(self, latents: Latents, z_pres: Tensor, z_depth: Tensor) -> tuple[Tensor, Tensor]:
        """Colour and alpha of the objects, (b, 3, SIDE, SIDE) and (b, 1, SIDE, SIDE).

        Objects that overlap are blended with weights that fall with depth.
        """
        patches = _spread(latents.drawn, latents.box)  # (b, c, 4, WINDOW, WINDOW)
        colour, cover = patches[:, :, :3], patches[:, :, 3:]
        cover = cover * z_pres[..., None, None, None]
        share = cover * torch.sigmoid(-z_depth)[..., None, None, None]
        whole = _fold(torch.cat([share * colour, share * cover, share], dim=2), latents.cell)
        total = whole[:, 4:] + 1e-5
        return whole[:, :3] / total, (whole[:, 3:4] / total).clamp(0, 1)

    def forward(self, frames: Tensor, schedule: Schedule) -> tuple[SpaceLoss, Tensor]:
        """The loss, and the reconstruction (b, 3, SIDE, SIDE)."""
        latents, z_pres = self.infer(frames, schedule)
        colour, cover = self.render(latents, z_pres, latents.depth.rsample())
        there = z_pres[..., None]
        unit = Normal(0.0, 1.0)
        prior = torch.tensor(schedule.prior, device=frames.device)
        loss = SpaceLoss(
            _reconstruction(frames, colour, cover, self.background),
            _mean(_bernoulli(latents.pres, prior)),
            _mean(there * _kl(latents.where, unit)),
            _mean(z_pres * _kl(latents.depth, unit)),
            _mean(there * _kl(latents.what, unit)),
        )
        return loss, cover * colour + (1 - cover) * self.background


def _block(into: int, out: int, stride: int) -> list[nn.Module]:
    size = 4 if stride == 2 else 3
    return [nn.Conv2d(into, out, size, stride, 1), nn.GroupNorm(4, out), nn.CELU()]


def _positive(values: Tensor) -> Tensor:
    return functional.softplus(values) + MIN_STD


def _relaxed(logit: Tensor, temperature: float) -> Tensor:
    """A sample of the binary Concrete distribution (Maddison et al. 2017)."""
    noise = torch.rand_like(logit).clamp(1e-6, 1 - 1e-6)
    return torch.sigmoid((logit + torch.log(noise) - torch.log1p(-noise)) / temperature)


def cell_centres(cell: Tensor) -> Tensor:
    """The centres of cells, (...) -> (..., 2), x and y in px of SIDE."""
    place = torch.stack([cell % GRID, cell // GRID], dim=-1)
    return CELL * (place + 0.5)


def crop_glimpses(frames: Tensor, cell: Tensor, box: Tensor) -> Tensor:
    """Crops the boxes from the frames, (b, c, 3 * GLIMPSE * GLIMPSE)."""
    steps = (torch.arange(GLIMPSE, device=box.device) + 0.5) / GLIMPSE - 0.5
    down, across = torch.meshgrid(steps, steps, indexing="ij")
    unit = torch.stack([across, down], dim=-1)  # x and y in sizes of the box
    size, centre = box[..., None, None, :2], cell_centres(cell) + box[..., 2:]
    at = centre[..., None, None, :] + size * unit  # (b, c, GLIMPSE, GLIMPSE, 2)
    grid = (2 * at / SIDE - 1).flatten(1, 2)
    found = functional.grid_sample(frames, grid, align_corners=False)
    whole = found.view(len(frames), 3, -1, GLIMPSE, GLIMPSE)
    return whole.transpose(1, 2).flatten(2)


def _spread(drawn: Tensor, box: Tensor) -> Tensor:
    """Places decoded glimpses in the windows of their cells, (b, c, 4, WINDOW, WINDOW)."""
    size, offset = box.reshape(-1, 4)[:, :2], box.reshape(-1, 4)[:, 2:]
    matrix = _matrix(WINDOW / size, -2 * offset / size)
    flat = drawn.reshape(-1, 4, GLIMPSE, GLIMPSE)
    grid = functional.affine_grid(matrix, [len(flat), 4, WINDOW, WINDOW], align_corners=False)
    placed = functional.grid_sample(flat, grid, align_corners=False)
    return placed.view(*drawn.shape[:3], WINDOW, WINDOW)


def _matrix(scale: Tensor, shift: Tensor) -> Tensor:
    """Affine maps (n, 2, 3) that scale and then shift, both (n, 2), x before y."""
    zero = torch.zeros_like(scale[:, 0])
    across = torch.stack([scale[:, 0], zero, shift[:, 0]], dim=1)
    down = torch.stack([zero, scale[:, 1], shift[:, 1]], dim=1)
    return torch.stack([across, down], dim=1)


def _fold(patches: Tensor, cell: Tensor) -> Tensor:
    """Sums windows (b, c, channels, WINDOW, WINDOW) at their places in the frame, (b, channels,
    SIDE, SIDE)."""
    edge = (WINDOW - CELL) // 2
    wide = SIDE + 2 * edge
    steps = torch.arange(WINDOW, device=cell.device)
    inside = (steps[:, None] * wide + steps).flatten()
    corner = (cell // GRID) * CELL * wide + (cell % GRID) * CELL
    place = (corner[..., None] + inside).flatten(1)  # (b, c * WINDOW * WINDOW)
    values = patches.transpose(1, 2).flatten(2)
    index = place[:, None].expand(-1, values.shape[1], -1)
    canvas = values.new_zeros(*values.shape[:2], wide * wide).scatter_add(2, index, values)
    return canvas.view(*values.shape[:2], wide, wide)[..., edge:-edge, edge:-edge]


def _reconstruction(frames: Tensor, colour: Tensor, cover: Tensor, background: Tensor) -> Tensor:
    """-log p(frame), nats per frame: each pixel is an object's with probability `cover`."""
    front = _log_normal(frames, colour) + torch.log(cover + 1e-5)
    behind = _log_normal(frames, background) + torch.log(1 - cover + 1e-5)
    return -_mean(torch.logaddexp(front, behind))


def _log_normal(values: Tensor, mean: Tensor) -> Tensor:
    """log N(values; mean, PIXEL_STD^2) without its constant: 0 where they are equal."""
    return -((values - mean) ** 2) / (2 * PIXEL_STD**2)


def _mean(terms: Tensor) -> Tensor:
    """Sum over all but the batch dimension, mean over the batch."""
    return terms.flatten(1).sum(dim=1).mean()


def _kl(one: Normal, other: Normal) -> Tensor:
    return torch.distributions.kl_divergence(one, other)


def _bernoulli(probability: Tensor, prior: Tensor) -> Tensor:
    """KL(Bernoulli(probability) || Bernoulli(prior))."""
    p = probability.clamp(1e-6, 1 - 1e-6)
    return p * torch.log(p / prior) + (1 - p) * torch.log((1 - p) / (1 - prior))
