//! What forgetting cost: time, memory, and how much of the model is another one. Measured beside the evidence, and no part of it.

use serde::{Deserialize, Serialize};

use super::comparison::{ComparedAudit, none, row};

/// What an unlearning took, on the machine that it ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Seconds from beginning to end; nothing where the run was interrupted.
    pub seconds: Option<f64>,
    /// The most bytes that the process held meanwhile, where the run was not interrupted and the system says.
    pub peak_memory_bytes: Option<u64>,
    /// Bytes of weight files that differ from the original's, where the original is a folder.
    pub bytes_changed: Option<u64>,
    /// Bytes of all weight files.
    pub bytes: u64,
}

/// The table of costs; nothing where none was measured.
pub(super) fn costs(audits: &[ComparedAudit]) -> String {
    if audits.iter().all(|audit| audit.cost.is_none()) {
        return String::new();
    }
    let mut table = String::from("\n## What it cost\n\n");
    table += "Unlearning alone, on the machine that each was run on: telemetry, which no verdict rests on.\n\n";
    table += &row(&["concept", "method", "time", "peak memory", "bytes changed"]);
    table += &row(&["---"; 5]);
    for audit in audits {
        let of = |show: &dyn Fn(&Cost) -> Option<String>| {
            audit.cost.as_ref().and_then(show).unwrap_or_else(none)
        };
        table += &row(&[
            audit.title(),
            audit.method.clone(),
            of(&|cost| cost.seconds.map(time)),
            of(&|cost| cost.peak_memory_bytes.map(size)),
            of(&|cost| Some(format!("{} of {}", size(cost.bytes_changed?), size(cost.bytes)))),
        ]);
    }
    table
}

pub(super) fn time(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{s:.1} s"),
        s if s < 6000.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::{size, time};

    #[test]
    fn numbers_are_short() {
        assert_eq!([time(3.21), time(150.0), time(7200.0)], ["3.2 s", "2.5 min", "2.0 h"]);
        assert_eq!([size(0), size(999), size(1536 * 1024)], ["0 B", "999 B", "1.5 MiB"]);
    }
}
