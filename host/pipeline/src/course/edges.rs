//! Needs and dependants of all services in two flat arrays (compressed sparse rows), since a
//! vector for each service would be most of what a large course weighs.

use super::{CourseSpec, ServiceId};
use crate::action::Action;

/// For each service a run of other services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Edges {
    /// Where the run of each service ends; it starts where the one before it ends.
    ends: Vec<u32>,
    targets: Vec<ServiceId>,
}

impl Edges {
    pub(super) fn of(&self, service: ServiceId) -> &[ServiceId] {
        let at = service.index();
        let end = self.ends.get(at).copied().unwrap_or(0) as usize;
        let start = match at.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0) as usize,
            None => 0,
        };
        self.targets.get(start..end).unwrap_or(&[])
    }

    /// From pairs that are sorted and free of repetitions.
    fn from_sorted(pairs: &[(ServiceId, ServiceId)], services: usize) -> Self {
        let mut ends = Vec::with_capacity(services);
        let mut end = 0;
        for at in 0..services {
            while pairs.get(end).is_some_and(|(from, _)| from.index() == at) {
                end += 1;
            }
            ends.push(end as u32);
        }
        Self {
            ends,
            targets: pairs.iter().map(|&(_, to)| to).collect(),
        }
    }
}

/// Needs and dependants, in the ids of the course; turned round where the action is reversed.
pub(super) fn between(spec: &CourseSpec, action: Action, order: &[u32]) -> (Edges, Edges) {
    let mut places = vec![ServiceId(0); order.len()];
    for (place, &at) in order.iter().enumerate() {
        if let Some(slot) = places.get_mut(at as usize) {
            *slot = ServiceId(place as u32);
        }
    }
    let place = |at: usize| places.get(at).copied().unwrap_or(ServiceId(0));
    let mut needs: Vec<(ServiceId, ServiceId)> = Vec::new();
    for (at, service) in spec.services.iter().enumerate() {
        let from = place(at);
        needs.extend(
            service
                .needs
                .iter()
                .map(|&need| (from, place(need as usize))),
        );
    }
    let turn = |pairs: &[(ServiceId, ServiceId)]| {
        let mut turned: Vec<_> = pairs.iter().map(|&(from, to)| (to, from)).collect();
        turned.sort_unstable();
        turned
    };
    if spec.is_reversed(action) {
        needs = turn(&needs);
    }
    needs.sort_unstable();
    needs.dedup();
    let dependents = turn(&needs);
    (
        Edges::from_sorted(&needs, order.len()),
        Edges::from_sorted(&dependents, order.len()),
    )
}
