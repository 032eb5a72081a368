//! Needs: they name other services, never of a later stage, and never go round in a circle.

use std::collections::HashSet;

use super::super::document::child;
use super::super::near;
use super::Check;

/// How many cycles are told apart.
const MOST_CYCLES: usize = 20;

impl<'a> Check<'a> {
    pub(super) fn needs(&mut self) {
        for entry in self.entries().values() {
            let mut seen = HashSet::new();
            for (at, need) in entry.service.needs.iter().enumerate() {
                let pointer = format!("{}/needs/{at}", entry.pointer);
                let name = entry.name;
                if !seen.insert(need) {
                    self.report(
                        &pointer,
                        format!("`{need}` is there twice"),
                        "remove one of them",
                    );
                } else if need == name {
                    let message = format!("`{name}` needs itself");
                    self.report(&pointer, message, "remove it");
                } else if let Some(needed) = self.entries().get(need.as_str()) {
                    let (own, other) = (entry.stage, needed.stage);
                    if let (Some(own), Some(other)) = (own, other)
                        && other > own
                    {
                        let message = format!(
                            "`{name}` of stage `{}` needs `{need}` of the later stage `{}`",
                            self.stage_name(own),
                            self.stage_name(other),
                        );
                        let hint =
                            "move one of them: needs reach into the same stage or earlier ones";
                        self.report(&pointer, message, hint);
                    }
                } else if !self.document.has(&child("/services", need)) {
                    let known = self.known_services().filter(|known| *known != name);
                    let hint = near::suggest(need, known, "there is no other service");
                    self.report(&pointer, format!("unknown service `{need}`"), hint);
                }
            }
        }
    }

    /// Cycles inside a stage; one that crosses stages has a need of a later stage in it.
    pub(super) fn cycles(&mut self) {
        let edges = self.edges();
        for cycle in cycles_of(&edges) {
            let entries = self.entries();
            let named = cycle.iter().filter_map(|at| entries.get_index(*at));
            let named: Vec<_> = named.map(|(_, entry)| entry).collect();
            let [first, .., last] = named.as_slice() else {
                continue;
            };
            let path = named
                .iter()
                .take(12)
                .map(|entry| format!("`{}` → ", entry.name));
            let more = match named.len() {
                0..=12 => "",
                _ => "… → ",
            };
            let path: String = path.collect();
            let message = format!("needs go round in a circle: {path}{more}`{}`", first.name);
            let at = last
                .service
                .needs
                .iter()
                .position(|need| need == first.name);
            let pointer = format!("{}/needs/{}", last.pointer, at.unwrap_or_default());
            self.report(&pointer, message, "remove one of these needs");
        }
    }

    /// For each service, in the order of the file, what it needs of its own stage.
    fn edges(&self) -> Vec<Vec<usize>> {
        let edges_of = |entry: &super::Entry<'a>| {
            let needs = entry.service.needs.iter();
            let needed = needs.filter_map(|need| self.services.get(need.as_str()));
            needed
                .filter(|needed| needed.stage == entry.stage && needed.index != entry.index)
                .map(|needed| needed.index)
                .collect()
        };
        self.services.values().map(edges_of).collect()
    }
}

/// Where a walk stands with a service.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    OnPath,
    Done,
}

/// One cycle for each edge that closes one, up to a bound, each starting with its first service
/// in the order of the file. Walks without recursion, for chains can be long.
fn cycles_of(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut marks = vec![Mark::New; edges.len()];
    let mut cycles = Vec::new();
    for start in 0..edges.len() {
        // The path, each with how many of its edges have been taken.
        let mut path: Vec<(usize, usize)> = Vec::new();
        if marks.get(start) == Some(&Mark::New) {
            path.push((start, 0));
        }
        while let Some((at, taken)) = path.last_mut() {
            let next = edges.get(*at).and_then(|edges| edges.get(*taken)).copied();
            *taken += 1;
            let at = *at;
            let mark = next.and_then(|next| marks.get(next)).copied();
            set(&mut marks, at, Mark::OnPath);
            match (next, mark) {
                (Some(next), Some(Mark::New)) => path.push((next, 0)),
                (Some(next), Some(Mark::OnPath)) => {
                    let from = path.iter().position(|(at, _)| *at == next);
                    let round = path.iter().skip(from.unwrap_or_default());
                    cycles.push(rotated(round.map(|(at, _)| *at).collect()));
                    if cycles.len() == MOST_CYCLES {
                        return cycles;
                    }
                }
                (Some(_), _) => {}
                (None, _) => {
                    set(&mut marks, at, Mark::Done);
                    path.pop();
                }
            }
        }
    }
    cycles
}

fn set(marks: &mut [Mark], at: usize, mark: Mark) {
    if let Some(slot) = marks.get_mut(at) {
        *slot = mark;
    }
}

fn rotated(mut cycle: Vec<usize>) -> Vec<usize> {
    let least = cycle
        .iter()
        .enumerate()
        .min_by_key(|(_, service)| **service);
    let least = least.map_or(0, |(at, _)| at);
    cycle.rotate_left(least);
    cycle
}
