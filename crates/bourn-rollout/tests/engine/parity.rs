//! The engine against the Burn forward, which is what training differentiates.

use bourn_model::transformer::{Transformer, read_values};
use bourn_rollout::ScoreItem;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::common::*;
use crate::reference::check_scores;

#[test]
fn scores_are_those_of_the_burn_forward() {
    let device = Device::flex();
    for config in configs() {
        let model =
            Transformer::from_weights(&config, &random_weights(&config, 1), &device).unwrap();
        let mut engine = engine(&config, 8, AMPLE);
        for (p, c) in [(1, 4), (20, 30), (90, 10)] {
            let (prompt, completion) =
                (prompt(1, p, config.vocab_size), tokens(2, c, config.vocab_size));
            let ids: Vec<i64> =
                prompt.ids().iter().chain(&completion).map(|&id| i64::from(id)).collect();
            let ids = TensorData::new(ids, [1, p + c]);
            let logits =
                read_values(&model.logits(Tensor::<2, Int>::from_data(ids, &device)).unwrap())
                    .unwrap();
            let rows = logits.chunks_exact(config.vocab_size);
            let rows: Vec<Vec<f64>> =
                rows.map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect();
            let item = ScoreItem { prompt: &prompt, completion: &completion };
            let scored = score(&mut engine, &[item], 0.7).unwrap();
            check_scores(&rows, &item, 0.7, &scored[0].logprobs, given(&scored[0].entropies));
        }
    }
}
