"""Settings that were renamed in LAYOUT 2: the old name is refused with the new one.

PPO's settings took the words that Stable-Baselines3 users type. A setting that means something else
there kept its own name: `evaluation_every` counts environment steps, SB3's `eval_freq` counts calls
of the callback.
"""

RENAMED = {
    "teacher.total_steps": "teacher.total_timesteps",
    "teacher.environments": "teacher.n_envs",
    "teacher.epochs": "teacher.n_epochs",
    "teacher.entropy": "teacher.ent_coef",
    "teacher.evaluation_episodes": "teacher.n_eval_episodes",
    "teacher.log_deviation": "teacher.log_std_init",
    "teacher.noise_steps": "teacher.sde_sample_freq",
    "teacher.hidden": "teacher.net_arch",
    "regressor.lift": "regressor.linear_leaf",
    "regressor.polish": "regressor.constant_steps",
    "finetune.environments": "finetune.n_envs",
    "finetune.epochs": "finetune.n_epochs",
    "finetune.entropy": "finetune.ent_coef",
    "finetune.climbs": "finetune.n_constant_searches",
    "finetune.trial_share": "finetune.screening_share",
    "finetune.step_size": "finetune.sigma0",
    "finetune.breeding": "finetune.evolution_share",
}
