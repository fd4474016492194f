//! Several ways to do the same work, timed in turn.

use std::time::{Duration, Instant};

/// Runs the part of a pass that counts: times it, or counts its allocations.
pub type Meter<'a> = &'a mut dyn FnMut(&mut dyn FnMut());

/// One way to do the work of a [`Cell`].
pub struct Candidate {
    pub name: &'static str,
    pass: Box<dyn FnMut(Meter<'_>)>,
}

impl Candidate {
    pub fn new(name: &'static str, mut work: impl FnMut() + 'static) -> Self {
        Self { name, pass: Box::new(move |meter| meter(&mut work)) }
    }

    /// With an input that is made anew for each pass, and does not count.
    pub fn with_input<T>(
        name: &'static str,
        mut input: impl FnMut() -> T + 'static,
        mut work: impl FnMut(&mut T) + 'static,
    ) -> Self {
        let pass = move |meter: Meter<'_>| {
            let mut input = input();
            meter(&mut || work(&mut input));
        };
        Self { name, pass: Box::new(pass) }
    }

    pub fn pass(&mut self, meter: Meter<'_>) {
        (self.pass)(meter);
    }

    fn time(&mut self) -> f64 {
        let mut time = Duration::ZERO;
        self.pass(&mut |work| {
            let start = Instant::now();
            work();
            time = start.elapsed();
        });
        time.as_secs_f64()
    }

    /// How many passes fill a turn. Finding out warms up the caches, too.
    fn passes(&mut self, turn: Duration) -> usize {
        let (mut passes, mut time) = (0.0, 0.0);
        while time < turn.as_secs_f64() / 2.0 {
            time += self.time();
            passes += 1.0;
        }
        (passes * turn.as_secs_f64() / time).ceil() as usize
    }
}

/// One piece of work, and the ways to do it.
pub struct Cell {
    pub name: String,
    /// How many events a pass has.
    pub events: usize,
    pub candidates: Vec<Candidate>,
}

pub struct Settings {
    /// How often each candidate has its turn.
    pub rounds: usize,
    /// How long a turn takes. One pass at least.
    pub turn: Duration,
}

impl Settings {
    pub const FULL: Self = Self { rounds: 21, turn: Duration::from_millis(10) };
    pub const QUICK: Self = Self { rounds: 3, turn: Duration::from_millis(1) };
}

/// How long a pass of one candidate takes.
pub struct Sample {
    pub name: &'static str,
    /// The median of the rounds.
    pub seconds: f64,
    /// How far the middle half of the rounds is spread, as a part of the median.
    pub spread: f64,
}

impl Cell {
    /// Times all candidates side by side. Each round gives each of them a turn and starts with another one, so that
    /// what slows the machine down for a while slows all of them down. Of a turn it takes the median pass, which says
    /// nothing of the moments that other programs took.
    pub fn time(&mut self, settings: &Settings) -> Vec<Sample> {
        eprintln!("{}", self.name);
        let passes: Vec<_> = self.candidates.iter_mut().map(|c| c.passes(settings.turn)).collect();
        let mut rounds = vec![Vec::new(); passes.len()];
        for round in 0..settings.rounds {
            for turn in 0..passes.len() {
                let index = (round + turn) % passes.len();
                let candidate = &mut self.candidates[index];
                rounds[index].push(median((0..passes[index]).map(|_| candidate.time()).collect()));
            }
        }
        let names = self.candidates.iter().map(|candidate| candidate.name);
        names.zip(rounds).map(|(name, rounds)| Sample::new(name, rounds)).collect()
    }
}

impl Sample {
    pub fn new(name: &'static str, rounds: Vec<f64>) -> Self {
        let quarter = |n| quantile(rounds.clone(), n, 4);
        Self { name, seconds: quarter(2), spread: (quarter(3) - quarter(1)) / quarter(2) }
    }
}

/// The sample of a candidate, if it was in the cell.
pub fn find<'a>(samples: &'a [Sample], name: &str) -> Option<&'a Sample> {
    samples.iter().find(|sample| sample.name == name)
}

/// How long an event takes, in passes of so many.
pub fn nanoseconds(samples: &[Sample], name: &str, events: usize) -> f64 {
    find(samples, name).map_or(f64::NAN, |sample| sample.seconds * 1e9 / events as f64)
}

pub fn median(values: Vec<f64>) -> f64 {
    quantile(values, 1, 2)
}

/// The value that so many parts of all values lie below.
pub fn quantile(mut values: Vec<f64>, part: usize, parts: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * part / parts]
}
