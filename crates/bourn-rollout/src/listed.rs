//! A fixed list of requests as work.

use bourn_episode::Next;

use crate::engine::group_by_prompt;
use crate::types::{Completion, Request, Stopped, Work};

/// A fixed list of requests as work, in the order given.
pub(crate) struct Listed<'a> {
    requests: &'a [Request<'a>],
    order: Vec<usize>,
    /// Place in `order`.
    current: usize,
    /// Completions of each request that have been started.
    started: Vec<u64>,
    results: Vec<Vec<Option<Completion>>>,
}

impl<'a> Listed<'a> {
    /// All of the requests; equal prompts one after the other, so that few are held at once.
    pub(crate) fn new(requests: &'a [Request<'a>]) -> Listed<'a> {
        let groups = group_by_prompt(requests.iter().map(|request| request.prompt));
        Listed {
            requests,
            order: groups.into_iter().flat_map(|(_, members)| members).collect(),
            current: 0,
            started: vec![0; requests.len()],
            results: vec![Vec::new(); requests.len()],
        }
    }

    /// The completions of each request in the order of their sample indices.
    pub(crate) fn into_results(self) -> Vec<Vec<Completion>> {
        // Every place has been filled: a stream ends when nothing waits and nothing is under way.
        self.results.into_iter().map(|all| all.into_iter().flatten().collect()).collect()
    }
}

impl Work for Listed<'_> {
    fn next(&mut self) -> Option<(usize, u64)> {
        loop {
            let request = *self.order.get(self.current)?;
            let (started, of) = (&mut self.started[request], &self.requests[request]);
            if *started < of.count {
                *started += 1;
                return Some((request, of.first + *started - 1));
            }
            self.current += 1;
        }
    }

    fn is_open(&self, request: usize) -> bool {
        self.started[request] < self.requests[request].count
    }

    fn finished(
        &mut self,
        request: usize,
        sample: u64,
        completion: Completion,
        _: usize,
    ) -> Result<Next, Stopped> {
        let place = (sample - self.requests[request].first) as usize;
        let places = &mut self.results[request];
        if places.len() <= place {
            places.resize(place + 1, None);
        }
        places[place] = Some(completion);
        Ok(Next::Done)
    }
}
