//! How clients that lose their server together come back to it.

mod util;

use util::{lost, source, unreachable};

#[tokio::test(start_paused = true)]
async fn clients_come_back_spread_over_a_fifth_of_the_delay_and_then_over_half() {
    let mut delays = [3.0, 6.0, 12.0].map(|least| (least, Vec::new()));
    for _ in 0..1000 {
        let (mut events, _) = source(|_| unreachable());
        for (least, delays) in &mut delays {
            delays.push(lost(&mut events).await.1.as_secs_f64() / *least);
        }
    }
    for ((_, delays), jitter) in delays.into_iter().zip([0.2, 0.5, 0.5]) {
        for quarter in 0..4 {
            let from = 1.0 + jitter * f64::from(quarter) / 4.0;
            let here = delays.iter().filter(|delay| (from..from + jitter / 4.0).contains(*delay)).count();
            // 250 are expected; chance alone exceeds these bounds once in 10 million runs.
            assert!((170..=330).contains(&here), "{here} of 1000 from {from}");
        }
    }
}
