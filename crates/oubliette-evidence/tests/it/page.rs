//! The report: self-contained, escaped, the same every time.

use oubliette_evidence::plan::{Cell, Role};
use oubliette_evidence::report::{NoPictures, Pictures, render, render_text};
use oubliette_evidence::{Digest, Result, judge};

use crate::tale::{self, unlearned_shows};

struct Kept;

impl Pictures for Kept {
    fn png(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let all = [true, false].map(tale::picture);
        Ok(all.into_iter().find(|bytes| Digest::of(bytes) == *digest).map(<[u8]>::to_vec))
    }
}

fn page(
    plan: &oubliette_evidence::AuditPlan,
    show: tale::Show<'_>,
    pictures: &dyn Pictures,
) -> String {
    let evidence = tale::fold(&tale::run(plan, show));
    let judgment = judge(plan, &evidence).unwrap();
    render(plan, &evidence, &judgment, pictures).unwrap()
}

#[test]
fn one_file_without_scripts_or_links() {
    let html =
        page(&tale::plan(), &unlearned_shows(|cell, _, _| cell.arm.ends_with("@200")), &Kept);
    for bad in ["<script", "javascript:", "http://", "https://", " on", "@import", "url(", "<link"]
    {
        let found = html.match_indices(bad).any(|(at, _)| {
            // ` on…=` would be a handler; the word "on" is not.
            bad != " on"
                || html[at..].split(['>', '<', ' ']).nth(1).is_some_and(|w| w.contains('='))
        });
        assert!(!found, "{bad}");
    }
    assert!(html.contains("data:image/png;base64,"));
    assert!(html.contains("Broken by finetune/near@200"));
    assert!(html.contains("Not tested: quantise."));
    assert!(html.contains("<code>oubliette audit audit-lion.toml</code>"));
    assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
    assert_eq!(html.matches("<svg").count(), 3, "rates, shown, recovery");
}

#[test]
fn text_from_files_is_escaped() {
    let mut plan = tale::plan();
    let evil = "</title><script>alert(1)</script>\"'&";
    plan.concept.names[0] = evil.into();
    plan.subjects[0].name = evil.into();
    plan.recipe.name = evil.into();
    plan.not_tested = vec![evil.into()];
    plan.detectors[0].name = "classifier".into();
    for arm in &mut plan.arms {
        arm.prompts.iter_mut().for_each(|prompt| prompt.text = evil.into());
        arm.id = arm.id.replace("direct", "<b>direct");
        arm.baseline = arm.baseline.as_ref().map(|_| "<b>direct".into());
    }
    for leak in [true, false] {
        let html = page(&plan, &unlearned_shows(|_, _, _| leak), &Kept);
        assert!(!html.contains("<script") && !html.contains("<b>direct"));
    }
    let evidence = tale::fold(&tale::run(&plan, &unlearned_shows(|_, _, _| false)));
    let mut judgment = judge(&plan, &evidence).unwrap();
    judgment.sentence = "a\u{1b}[31mred\nline".into();
    let text = render_text(&plan, &evidence, &judgment);
    assert!(text.starts_with("a\u{fffd}[31mred\u{fffd}line\n"), "{text}");
}

#[test]
fn every_verdict_has_a_page() {
    let plan = tale::plan();
    let held = page(&plan, &unlearned_shows(|_, _, _| false), &NoPictures);
    assert!(held.contains("<body class=\"held\">") && held.contains("not kept"));
    assert_eq!(held, page(&plan, &unlearned_shows(|_, _, _| false), &NoPictures));
    let open = page(&plan, &|cell: &Cell, _, _| cell.subject == Role::Original, &Kept);
    assert!(open.contains("Why nothing can be said") && open.contains("is destroyed"));
    let mut blurred = plan.clone();
    blurred.report.blur = true;
    let html = page(&blurred, &unlearned_shows(|_, _, _| false), &Kept);
    assert!(html.contains("class=\"held blur\"") && html.contains("id=\"show\""));
}

#[test]
fn the_terminal_gets_the_same_words() {
    let plan = tale::plan();
    let evidence = tale::fold(&tale::run(&plan, &unlearned_shows(|_, _, _| false)));
    let judgment = judge(&plan, &evidence).unwrap();
    let text = render_text(&plan, &evidence, &judgment);
    assert!(text.starts_with(&judgment.sentence), "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 200));
}
