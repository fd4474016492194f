//! Counts the allocations of what `sse-bench` times, and prints a line for each candidate of each cell.

use allocation_counter::measure;
use sse_bench::allocations::line;
use sse_bench::corpus::Corpus;
use sse_bench::measure::Cell;
use sse_bench::{decode, encode, fan_out};

fn main() {
    let corpora = Corpus::NAMES.map(Corpus::generate);
    for corpus in &corpora {
        for delivery in decode::COUNTED {
            count(decode::Checked::new(corpus, delivery).cell);
        }
    }
    encode::cells().for_each(|checked| count(checked.cell));
    count(fan_out::cell());
}

fn count(Cell { name, events, candidates }: Cell) {
    for mut candidate in candidates {
        let mut allocations = 0;
        // The first pass may allocate what stays.
        for _ in 0..2 {
            candidate.pass(&mut |work| allocations = measure(&mut *work).count_total);
        }
        println!("{}", line(&name, candidate.name, allocations as f64 / events as f64));
    }
}
