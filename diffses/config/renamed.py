"""Settings that were renamed in LAYOUT 2: an old name gives an error that names the new one.

PPO's settings now have the names of Stable-Baselines3 (SB3). Settings that mean something else in
SB3 keep other names: `evaluation_every` counts environment steps, SB3's `eval_freq` counts calls of
the callback.
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
