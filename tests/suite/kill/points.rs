//! The points of the matrix, and which of them are tried.

use std::collections::BTreeMap;
use std::time::Duration;

use super::course::Act;

/// Where each sample begins; another seed draws other points.
const SEED: u64 = 20_261_122;

/// Kinds of which every sample has a kill: what was promised lasts by the first, what is outside
/// changes by the second, and what is done is told from what is half done by the third.
const ESSENTIAL: [&str; 3] = ["append", "spawn", "rename"];

/// The last effect that does not happen: a kind and a number within it, as the executioner
/// counts them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    pub kind: String,
    pub number: usize,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.kind, self.number)
    }
}

/// The points of one cycle: one for each act that has any left.
pub type Kills = BTreeMap<Act, Point>;

/// How many effects of each kind the acts have.
pub struct Matrix {
    acts: BTreeMap<Act, BTreeMap<String, usize>>,
}

impl Matrix {
    /// From the executioner's reports of undisturbed runs.
    pub fn new<const COUNT: usize>(reports: [(Act, String); COUNT]) -> Self {
        let mut acts = BTreeMap::new();
        for (act, report) in reports {
            let kinds: &mut BTreeMap<String, usize> = acts.entry(act).or_default();
            let kinds_in = report.lines().filter_map(|line| line.split_once(':'));
            for (kind, _) in kinds_in {
                *kinds.entry(kind.to_owned()).or_default() += 1;
            }
        }
        Self { acts }
    }

    /// About so many points: as many of each kind, spread over its range.
    pub fn sample(&self, points: usize) -> Vec<Kills> {
        let in_act = points.div_ceil(self.acts.len());
        self.cycles(|_, kinds| {
            let of_kind = in_act.div_ceil(kinds.len());
            let chosen = kinds.iter().enumerate().map(|(place, (kind, count))| {
                spread(*count, of_kind, SEED + place as u64)
                    .into_iter()
                    .map(|number| Point {
                        kind: kind.clone(),
                        number,
                    })
                    .collect()
            });
            chosen.collect()
        })
    }

    /// Every point there is, or every one of a kind or of an act.
    pub fn all(&self, only: Option<&str>) -> Vec<Kills> {
        self.cycles(|act, kinds| {
            let is_wanted = |kind: &str| only.is_none_or(|only| kind == only || act.name() == only);
            let wanted = kinds.iter().filter(|(kind, _)| is_wanted(kind));
            let all = wanted.map(|(kind, count)| {
                let numbers = 1..=*count;
                let point = |number| Point {
                    kind: kind.clone(),
                    number,
                };
                numbers.map(point).collect()
            });
            all.collect()
        })
    }

    /// The chosen points of each act, kind by kind, one a cycle; a cycle has different kinds,
    /// and the first one the essential ones.
    fn cycles(
        &self,
        choose: impl Fn(Act, &BTreeMap<String, usize>) -> Vec<Vec<Point>>,
    ) -> Vec<Kills> {
        let mut cycles: Vec<Kills> = Vec::new();
        for (turn, (act, kinds)) in self.acts.iter().enumerate() {
            let mut chosen = choose(*act, kinds);
            let essential = ESSENTIAL[turn % ESSENTIAL.len()];
            let is_essential = |points: &Vec<Point>| points.iter().any(|it| it.kind == essential);
            let first = chosen.iter().position(is_essential);
            let first = first.unwrap_or(turn % chosen.len().max(1));
            chosen.rotate_left(first);
            for (place, point) in in_turn(chosen).into_iter().enumerate() {
                if cycles.len() <= place {
                    cycles.push(Kills::new());
                }
                cycles[place].insert(*act, point);
            }
        }
        cycles
    }

    /// What no kill was of that a sample must have one of.
    pub fn missing(&self, killed: &[(Act, Point)]) -> Vec<String> {
        let acts = self.acts.keys();
        let acts = acts.filter(|act| !killed.iter().any(|(one, _)| one == *act));
        let kinds = ESSENTIAL.into_iter();
        let kinds = kinds.filter(|kind| !killed.iter().any(|(_, point)| point.kind == *kind));
        acts.map(|act| act.name())
            .chain(kinds.map(str::to_owned))
            .collect()
    }

    /// Size and result, for people.
    pub fn report(
        &self,
        killed: &[(Act, Point)],
        passed_by: usize,
        violations: usize,
        took: Duration,
    ) -> String {
        let mut lines = vec![format!(
            "kill matrix: {} of {} points in {} s, {passed_by} passed by, {violations} violations (seed {SEED})",
            killed.len(),
            self.acts.values().flat_map(BTreeMap::values).sum::<usize>(),
            took.as_secs(),
        )];
        for (act, kinds) in &self.acts {
            let cells = kinds.iter().map(|(kind, count)| {
                let done = |(one, point): &&(Act, Point)| one == act && point.kind == *kind;
                format!("{kind} {}/{count}", killed.iter().filter(done).count())
            });
            let name = act.name();
            lines.push(format!(
                "  {name:<8} {}",
                cells.collect::<Vec<_>>().join(", ")
            ));
        }
        lines.join("\n")
    }
}

/// So many numbers from 1 to `count`, evenly spread, in an order that begins all over the range.
fn spread(count: usize, wanted: usize, seed: u64) -> Vec<usize> {
    let wanted = wanted.min(count);
    // The fractional parts of multiples of the golden ratio never crowd anywhere.
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut places: Vec<u64> = Vec::new();
    for step in 0.. {
        if places.len() == wanted {
            break;
        }
        let fraction = GOLDEN.wrapping_mul(seed + step);
        let place = u64::try_from((u128::from(fraction) * count as u128) >> 64).unwrap_or(0);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places.into_iter().map(|place| place as usize + 1).collect()
}

/// The first of each list, then the second of each, and so on.
fn in_turn(mut lists: Vec<Vec<Point>>) -> Vec<Point> {
    for list in &mut lists {
        list.reverse();
    }
    let mut all = Vec::new();
    while lists.iter().any(|list| !list.is_empty()) {
        all.extend(lists.iter_mut().filter_map(Vec::pop));
    }
    all
}

#[test]
fn a_spread_has_no_number_twice_and_a_full_one_has_all() {
    let mut all = spread(40, 100, SEED);
    all.sort_unstable();
    assert_eq!(all, (1..=40).collect::<Vec<_>>());
    let some = spread(1000, 10, SEED);
    let tenths: std::collections::BTreeSet<usize> = some.iter().map(|n| (n - 1) / 100).collect();
    assert_eq!(some.len(), 10);
    assert!(tenths.len() >= 8, "{some:?}");
}

#[test]
fn the_first_cycle_of_a_sample_has_every_act_and_the_essential_kinds() {
    let report = "append: x\nappend: y\ncreate: z\nrename: z\nspawn: p\nwrite: z\n";
    let matrix = Matrix::new(Act::ALL.map(|act| (act, report.to_owned())));
    let mut cycles = matrix.sample(64).into_iter();
    let first: Vec<(Act, Point)> = cycles.next().unwrap().into_iter().collect();
    assert_eq!(matrix.missing(&first), Vec::<String>::new());
    assert_eq!(matrix.missing(&first[1..2]).len(), Act::ALL.len() - 1 + 2);
}
