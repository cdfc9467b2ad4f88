//! What anyone can check: recipe, plan, events, evidence, statistics, verdict, report.
