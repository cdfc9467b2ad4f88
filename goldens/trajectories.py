"""20 steps of every scheduler with a simple function in the place of the network.

The function bends and depends on time, so that a wrong coefficient, timestep or input scale shows, and any program can
write it: f(x, t) = 0.9 sin(1.7 x + t / 300). Noise is given: row i is what step i adds.
"""

import diffusers
import torch
from common import normal, save_json, save_tensors
from diffusers.schedulers import scheduling_ddpm, scheduling_euler_ancestral_discrete

STEPS, SHAPE = 20, (2, 4, 2, 2)
BASE = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
KINDS = {"DDPMScheduler": dict(clip_sample=False), "DDIMScheduler": dict(clip_sample=False, set_alpha_to_one=False),
         "PNDMScheduler": dict(skip_prk_steps=True), "DPMSolverMultistepScheduler": {}, "EulerDiscreteScheduler": {},
         "EulerAncestralDiscreteScheduler": {}}
EXTRA = [
    ("DDIMScheduler", dict(clip_sample=True, set_alpha_to_one=True)),
    ("DDIMScheduler", dict(set_alpha_to_one=True, clip_sample=False, beta_schedule="linear", beta_start=1e-4, beta_end=0.02)),
    ("DDPMScheduler", dict(clip_sample=True, variance_type="fixed_large")),
    ("DDPMScheduler", dict(beta_schedule="squaredcos_cap_v2", clip_sample=False)),
    ("PNDMScheduler", dict(skip_prk_steps=True, set_alpha_to_one=True, beta_schedule="linear")),
    ("DPMSolverMultistepScheduler", dict(solver_order=1)),
    ("DPMSolverMultistepScheduler", dict(final_sigmas_type="sigma_min")),
    ("DPMSolverMultistepScheduler", dict(lower_order_final=False)),
    ("DPMSolverMultistepScheduler", dict(solver_type="heun")),
    ("DPMSolverMultistepScheduler", dict(use_karras_sigmas=True)),
    ("DPMSolverMultistepScheduler", dict(beta_schedule="squaredcos_cap_v2")),
    ("EulerDiscreteScheduler", dict(use_karras_sigmas=True)),
    ("EulerDiscreteScheduler", dict(final_sigmas_type="sigma_min")),
    ("EulerAncestralDiscreteScheduler", dict(beta_schedule="squaredcos_cap_v2")),
]
ZERO_TERMINAL = ["DDPMScheduler", "DDIMScheduler", "DPMSolverMultistepScheduler", "EulerDiscreteScheduler",
                 "EulerAncestralDiscreteScheduler"]


def cases():
    """(scheduler, settings) in a fixed order."""
    for kind, own in KINDS.items():
        for prediction in ("epsilon", "v_prediction"):
            for spacing, offset in (("leading", 1), ("leading", 0), ("trailing", 0), ("linspace", 0)):
                yield kind, dict(BASE, **own, prediction_type=prediction, timestep_spacing=spacing, steps_offset=offset)
        if kind not in ("PNDMScheduler", "EulerAncestralDiscreteScheduler"):
            yield kind, dict(BASE, **own, prediction_type="sample", timestep_spacing="leading", steps_offset=1)
    for kind in ZERO_TERMINAL:
        yield kind, dict(BASE, **KINDS[kind], prediction_type="v_prediction", timestep_spacing="trailing",
                         rescale_betas_zero_snr=True)
    for kind, own in EXTRA:
        yield kind, {**BASE, "prediction_type": "epsilon", "timestep_spacing": "leading", "steps_offset": 1, **own}


def model(x, t):
    """Stands for the network."""
    return 0.9 * torch.sin(1.7 * x + float(t) / 300)


def give_noise(noise):
    """Makes the schedulers take the given noise, one row a call."""
    rows = iter(noise)
    for module in (scheduling_ddpm, scheduling_euler_ancestral_discrete):
        module.randn_tensor = lambda *_, **__: next(rows)


def run(kind, settings, start, noise):
    """The states before the first and after every step."""
    scheduler = getattr(diffusers, kind)(**settings)
    scheduler.set_timesteps(STEPS)
    give_noise(noise)
    x = start * scheduler.init_noise_sigma
    states = [x]
    for t in scheduler.timesteps:
        x = scheduler.step(model(scheduler.scale_model_input(x, t), t), t, x).prev_sample
        states.append(x)
    return [float(t) for t in scheduler.timesteps], torch.stack(states)


def write(out):
    """`trajectories.json` lists settings and timesteps, `trajectories.safetensors` holds the states."""
    start, noise = normal(601, *SHAPE), normal(602, STEPS + 1, *SHAPE)
    tensors, listed = {"start": start, "noise": noise}, []
    for index, (kind, settings) in enumerate(cases()):
        timesteps, states = run(kind, settings, start, noise)
        assert torch.isfinite(states).all(), (kind, settings)
        tensors[f"states.{index}"] = states
        listed.append({"config": {"_class_name": kind, **settings}, "timesteps": timesteps})
    save_tensors(out / "trajectories.safetensors", tensors)
    save_json(out / "trajectories.json", listed)
    write_noising(out)


def write_noising(out):
    """Cumulative alphas of every beta schedule, noised samples and velocity targets."""
    t = torch.tensor([0, 1, 10, 500, 998, 999])
    x, e = normal(603, 6, 4, 2, 2), normal(604, 6, 4, 2, 2)
    tensors = {"x": x, "noise": e, "t": t}
    for beta in ("linear", "scaled_linear", "squaredcos_cap_v2"):
        for zero in (False, True):
            scheduler = diffusers.DDPMScheduler(**dict(BASE, beta_schedule=beta), rescale_betas_zero_snr=zero)
            name = f"{beta}{'.zero-snr' if zero else ''}"
            tensors[f"{name}.alphas_cumprod"] = scheduler.alphas_cumprod
            tensors[f"{name}.noised"] = scheduler.add_noise(x, e, t)
            tensors[f"{name}.velocity"] = scheduler.get_velocity(x, e, t)
    save_tensors(out / "noising.safetensors", tensors)
