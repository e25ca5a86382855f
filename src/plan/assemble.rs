//! From verdicts to a plan: the only place where a plan is made.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Finding, OfferPlan, SavedPlan, Since, Taken, Unchanged, Unread, Verdict, fingerprint, guard, view};
use crate::model::{Digest, Shard};
use crate::policy::{self, Failed, TooCostly};
use crate::workspace::{Guards, PolicyRule};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(super) offers: Vec<OfferPlan>,
    pub(super) unchanged: Vec<Unchanged>,
    pub(super) unread: Vec<Unread>,
    pub(super) findings: Vec<Finding>,
    pub(super) since: Option<Since>,
    pub(super) snapshot: Option<Taken>,
    pub(super) environment: Option<String>,
    pub(super) bases: Vec<String>,
    pub(super) not_read: usize,
    pub(super) shard: Option<Shard>,
    pub(super) portal: String,
    pub(super) unused_tokens: Vec<(String, Vec<String>)>,
    pub(super) fingerprint: Digest,
}

/// What a plan is made of beside the verdicts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    /// The project's levels, limits and windows.
    pub(crate) guards: Guards,
    /// Why nothing may go live now, if so: see [`Guards::closed`].
    pub(crate) closed: Option<String>,
    pub(crate) rules: Vec<PolicyRule>,
    /// The tokens of the command line: `publisher/offer:TOKEN`, or the bare token where only one offer has that finding.
    pub(crate) accepted: BTreeSet<String>,
    /// What was left out, where the verdicts are those of the offers whose files changed.
    pub(crate) since: Option<Since>,
    /// The snapshot that the verdicts were made from.
    pub(crate) snapshot: Option<Taken>,
    /// The environment that the files were read for.
    pub(crate) environment: Option<String>,
    /// The bases since which edits of the portal are marked.
    pub(crate) bases: Vec<String>,
    /// How many of the unchanged offers were not read from the portal.
    pub(crate) not_read: usize,
    /// The share of the offers that the verdicts are of.
    pub(crate) shard: Option<Shard>,
    /// The portal that was read, or that the snapshot was taken of.
    pub(crate) portal: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum AssembleError {
    #[error(transparent)]
    Rules(#[from] TooCostly),
    #[error("the plan cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Makes the plan of these verdicts. Their order does not matter.
pub(crate) fn assemble(verdicts: Vec<Verdict>, context: Context) -> Result<Plan, AssembleError> {
    let Context { guards, closed, rules, accepted, since, snapshot, environment, bases, not_read, shard, portal } =
        context;
    let (mut offers, unchanged, unread) = sorted(verdicts);
    for offer in &mut offers {
        offer.findings = offer.accepting(guard::with_configured_levels(offer.found.clone(), &guards));
    }
    // What the rules see does not depend on the time: windows come after them.
    let judged = judge(&rules, &offers)?;
    for (offer, failed) in offers.iter_mut().zip(judged) {
        let window = guard::many::window(&offer.release, closed.as_deref());
        let mut more = guard::with_configured_levels(window, &guards);
        more.extend(failed.into_iter().map(of_rule));
        offer.findings.extend(offer.accepting(more));
    }
    let left_out = since.as_ref().map_or(0, |since| since.left_out);
    let many = guard::many::offers(&offers, unchanged.len() + left_out, &guards.limits);
    let mut findings = guard::with_configured_levels(many, &guards);
    let unused_tokens = accept(&accepted, &mut findings, &mut offers);
    let fingerprint = fingerprint::of(&offers, &findings, environment.as_deref())?;
    Ok(Plan {
        offers,
        unchanged,
        unread,
        findings,
        since,
        snapshot,
        environment,
        bases,
        not_read,
        shard,
        portal,
        unused_tokens,
        fingerprint,
    })
}

/// Returns the plan that was saved, with the findings of the time when it was made.
pub(super) fn restore(saved: SavedPlan) -> Result<Plan, AssembleError> {
    let SavedPlan { content, bound, fingerprint: _ } = saved;
    let (findings, mut of_offers) = (content.findings.clone(), content.offer_findings.clone());
    let (since, snapshot) = (content.since.clone(), content.snapshot.clone());
    let (environment, shard) = (content.environment.clone(), content.shard);
    let (mut offers, unchanged, unread) = sorted(content.into_verdicts());
    for offer in &mut offers {
        offer.findings = of_offers.remove(&offer.key.to_string()).unwrap_or_default();
    }
    let fingerprint = fingerprint::of(&offers, &findings, environment.as_deref())?;
    Ok(Plan {
        offers,
        unchanged,
        unread,
        findings,
        since,
        snapshot,
        environment,
        bases: Vec::new(),
        not_read: 0,
        shard,
        portal: bound.portal,
        unused_tokens: Vec::new(),
        fingerprint,
    })
}

/// Sorts verdicts by what was decided, and by the key of the offer.
fn sorted(verdicts: Vec<Verdict>) -> (Vec<OfferPlan>, Vec<Unchanged>, Vec<Unread>) {
    let (mut offers, mut unchanged, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for verdict in verdicts {
        match verdict {
            Verdict::Change(offer) => offers.push(*offer),
            Verdict::Unchanged(offer) => unchanged.push(*offer),
            Verdict::Unread(offer) => unread.push(offer),
        }
    }
    offers.sort_by(|a, b| a.key.cmp(&b.key));
    unchanged.sort_by(|a, b| a.key.cmp(&b.key));
    unread.sort_by(|a, b| a.key.cmp(&b.key));
    (offers, unchanged, unread)
}

/// Evaluates the project's own rules, and returns for each offer those that it fails.
fn judge<'r>(rules: &'r [PolicyRule], offers: &[OfferPlan]) -> Result<Vec<Vec<Failed<'r>>>, AssembleError> {
    if rules.is_empty() {
        return Ok(offers.iter().map(|_| Vec::new()).collect());
    }
    let seen = offers.iter().map(|offer| serde_json::to_value(view::offer(offer)));
    Ok(policy::judge(rules, &seen.collect::<Result<Vec<Value>, _>>()?)?)
}

fn of_rule(Failed { rule, reason }: Failed<'_>) -> Finding {
    match reason {
        None => Finding::ruled(rule.level, format!("rule:{}", rule.name), rule.message.clone()),
        Some(reason) => Finding::conflict(format!(
            "the rule `{}` of offerctl.toml cannot be evaluated: {reason}; fix it, or set its level to \"off\"",
            rule.name
        )),
    }
}

impl OfferPlan {
    /// The findings, accepted where the file of the offer accepts them.
    fn accepting(&self, mut findings: Vec<Finding>) -> Vec<Finding> {
        for finding in &mut findings {
            finding.allowed = finding.token.as_ref().is_some_and(|token| self.allow.contains(token));
        }
        findings
    }
}

/// Accepts the findings that the tokens name. Returns the tokens that accept nothing, with the forms that would.
fn accept(tokens: &BTreeSet<String>, findings: &mut [Finding], offers: &mut [OfferPlan]) -> Vec<(String, Vec<String>)> {
    let mut unused = Vec::new();
    for token in tokens {
        let whole = findings.iter_mut().filter(|finding| finding.token.as_ref() == Some(token));
        let mut named = whole.map(|finding| (token.clone(), finding)).collect::<Vec<_>>();
        for OfferPlan { key, findings, .. } in &mut *offers {
            let qualified = |own: &String| format!("{key}:{own}");
            let names = |own: &String| token == own || *token == qualified(own);
            let own = findings.iter_mut().filter_map(|finding| {
                let qualified = finding.token.as_ref().filter(|own| names(own)).map(qualified)?;
                Some((qualified, finding))
            });
            named.extend(own);
        }
        match named.as_mut_slice() {
            [(_, finding)] => finding.allowed = true,
            _ => unused.push((token.clone(), named.into_iter().map(|(qualified, _)| qualified).collect())),
        }
    }
    unused
}

#[cfg(test)]
impl Plan {
    pub(crate) fn of(verdicts: impl IntoIterator<Item = Verdict>, context: Context) -> Self {
        assemble(verdicts.into_iter().collect(), context).expect("a plan")
    }

    /// The verdicts that it was made of.
    pub(crate) fn verdicts(&self) -> impl Iterator<Item = Verdict> + use<> {
        let Self { offers, unchanged, unread, .. } = self.clone();
        let changed = offers.into_iter().map(|offer| Verdict::Change(Box::new(offer)));
        let unchanged = unchanged.into_iter().map(|offer| Verdict::Unchanged(Box::new(offer)));
        changed.chain(unchanged).chain(unread.into_iter().map(Verdict::Unread))
    }
}
