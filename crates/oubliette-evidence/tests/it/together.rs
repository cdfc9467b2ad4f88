//! Of many concepts those are named as gone that e-BH names, and no other.

use oubliette_evidence::hypotheses::Claims;
use oubliette_evidence::report::{ComparedAudit, render_comparison};

use crate::tale::compared;

fn page(audits: &[ComparedAudit]) -> String {
    let page = render_comparison(audits, &Claims::default(), &[]);
    page.lines().filter(|line| line.starts_with("| uce | 0.05")).collect()
}

#[test]
fn the_weakest_seed_speaks_for_a_concept() {
    let audits = [
        compared("lion", "uce", 1, 0, 20),
        compared("lion", "uce", 2, 0, 20),
        compared("car", "uce", 1, 0, 20),
        compared("car", "uce", 2, 6, 20),
        compared("drum", "uce", 1, 0, 20),
        compared("fox", "uce", 1, 1, 20),
    ];
    let page = page(&audits);
    let (named, others) = page.split_once("lion (").unwrap().1.split_once(" | ").unwrap();
    assert!(named.contains("drum (199)"), "{page}");
    // Third of four: 4 / (3 * 0.05) would be needed.
    assert_eq!(others, "car (–), fox (23.1) |");
}

#[test]
fn a_ruined_model_says_nothing_of_forgetting() {
    let page = page(&[compared("lion", "uce", 1, 0, 20), compared("car", "uce", 1, 0, 1)]);
    assert!(page.contains("| lion (") && page.ends_with("| car (–) |"), "{page}");
}

#[test]
fn one_concept_alone_needs_no_such_table() {
    let page = page(&[compared("lion", "uce", 1, 0, 20), compared("lion", "uce", 2, 0, 20)]);
    assert_eq!(page, "");
}
