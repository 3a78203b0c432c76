//! How a measurement is told: medians with their range, and targets with whether they are reached.

/// Median, least and greatest.
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one number.
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self { median: sorted[sorted.len() / 2], min: sorted[0], max: sorted[sorted.len() - 1] }
    }
}

/// Whether a value reaches the first gate and the goal; more is better, or less.
pub(crate) fn judge(value: f64, gate: f64, goal: f64, more_is_better: bool) -> String {
    let (sign, reached): (_, fn(f64, f64) -> bool) =
        if more_is_better { (">=", |value, limit| value >= limit) } else { ("<=", |value, limit| value <= limit) };
    let word = |limit| if reached(value, limit) { "reached" } else { "MISSED" };
    format!("first gate {sign} {gate} {}, goal {sign} {goal} {}", word(gate), word(goal))
}
