//! Several ways to do the same work, timed in turn.

use std::io;
use std::time::{Duration, Instant};

/// One way to do the work of a cell.
pub struct Candidate {
    pub name: &'static str,
    work: Box<dyn FnMut()>,
}

pub struct Settings {
    /// How many turns each candidate gets.
    pub rounds: usize,
    /// How long a turn takes. It has at least one pass.
    pub turn: Duration,
}

/// How long a pass of one candidate takes.
pub struct Sample {
    pub name: &'static str,
    /// The median of the rounds.
    pub seconds: f64,
    /// The interquartile range of the rounds, as a fraction of the median.
    pub spread: f64,
}

impl Settings {
    pub const FULL: Self = Self { rounds: 21, turn: Duration::from_millis(10) };
    pub const QUICK: Self = Self { rounds: 3, turn: Duration::from_millis(1) };
}

impl Candidate {
    pub fn new(name: &'static str, work: impl FnMut() + 'static) -> Self {
        Self { name, work: Box::new(work) }
    }

    fn time(&mut self) -> f64 {
        let start = Instant::now();
        (self.work)();
        start.elapsed().as_secs_f64()
    }

    /// How many passes fill a turn. Finding out also warms up the caches.
    fn passes(&mut self, turn: Duration) -> usize {
        let (mut passes, mut time) = (0.0, 0.0);
        while time < turn.as_secs_f64() / 2.0 {
            time += self.time();
            passes += 1.0;
        }
        (passes * turn.as_secs_f64() / time).ceil() as usize
    }
}

/// Times all candidates of a cell side by side. Each turn yields its median pass, which ignores
/// interruptions by other programs.
pub fn time(settings: &Settings, candidates: &mut [Candidate]) -> Vec<Sample> {
    let passes: Vec<_> = candidates.iter_mut().map(|candidate| candidate.passes(settings.turn)).collect();
    let turns = in_turn(settings.rounds, passes.len(), |index| {
        Ok(median((0..passes[index]).map(|_| candidates[index].time()).collect()))
    });
    let turns = turns.expect("a pass has no error");
    candidates.iter().zip(turns).map(|(candidate, turns)| Sample::new(candidate.name, turns)).collect()
}

/// Gives each of several candidates a turn in each round. Each round starts with another one, so
/// that whatever slows the machine down for a while slows all of them down.
///
/// # Errors
///
/// Returns the error of the first turn that fails.
pub fn in_turn<T>(
    rounds: usize,
    candidates: usize,
    mut turn: impl FnMut(usize) -> io::Result<T>,
) -> io::Result<Vec<Vec<T>>> {
    let mut turns: Vec<_> = (0..candidates).map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for offset in 0..candidates {
            let index = (round + offset) % candidates;
            turns[index].push(turn(index)?);
        }
    }
    Ok(turns)
}

impl Sample {
    pub fn new(name: &'static str, rounds: Vec<f64>) -> Self {
        let quarter = |n| quantile(rounds.clone(), n, 4);
        Self { name, seconds: quarter(2), spread: (quarter(3) - quarter(1)) / quarter(2) }
    }
}

pub fn median(values: Vec<f64>) -> f64 {
    quantile(values, 1, 2)
}

/// The value below which `part` of `parts` of all values lie.
pub fn quantile(mut values: Vec<f64>, part: usize, parts: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * part / parts]
}
