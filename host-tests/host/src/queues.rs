//! Shared queues: named per `vm_id`, owned by the context that registered last
//! (`proxy-wasm-cpp-host` `shared_queue.cc`).

use std::collections::{BTreeMap, VecDeque};

use crate::status::Status;

/// The context that hears of new items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub worker: usize,
    pub context: u32,
}

#[derive(Debug)]
struct Queue {
    name: (String, Vec<u8>),
    owner: Owner,
    items: VecDeque<Vec<u8>>,
}

/// Every queue of a host; its token is its place in the list, from 1.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: Vec<Queue>,
    tokens: BTreeMap<(String, Vec<u8>), u32>,
    /// Per worker: (context, token) of `proxy_on_queue_ready` calls not made yet.
    ready: BTreeMap<usize, VecDeque<(u32, u32)>>,
}

impl Queues {
    pub fn register(&mut self, vm_id: &str, name: &[u8], owner: Owner) -> u32 {
        if let Some(token) = self.resolve(vm_id, name) {
            self.queues[token as usize - 1].owner = owner;
            return token;
        }
        let name = (vm_id.to_owned(), name.to_owned());
        self.queues.push(Queue {
            name: name.clone(),
            owner,
            items: VecDeque::new(),
        });
        let token = self.queues.len() as u32;
        self.tokens.insert(name, token);
        token
    }

    pub fn resolve(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        let name = (vm_id.to_owned(), name.to_owned());
        self.tokens.get(&name).copied()
    }

    pub fn enqueue(&mut self, token: u32, item: Vec<u8>) -> Result<(), Status> {
        let queue = self.queue(token)?;
        queue.items.push_back(item);
        let owner = queue.owner;
        self.ready
            .entry(owner.worker)
            .or_default()
            .push_back((owner.context, token));
        Ok(())
    }

    pub fn dequeue(&mut self, token: u32) -> Result<Vec<u8>, Status> {
        self.queue(token)?.items.pop_front().ok_or(Status::Empty)
    }

    /// How many calls of `proxy_on_queue_ready` a worker is due.
    pub fn ready(&self, worker: usize) -> usize {
        self.ready.get(&worker).map_or(0, VecDeque::len)
    }

    /// A queue's name as text; empty when there is no such queue.
    pub fn name(&self, token: u32) -> String {
        let at = (token as usize).wrapping_sub(1);
        let name = self.queues.get(at).map(|queue| &queue.name.1);
        String::from_utf8_lossy(name.map_or(&[], Vec::as_slice)).into_owned()
    }

    /// The next context of `worker` to be told, and the queue's token.
    pub fn next_ready(&mut self, worker: usize) -> Option<(u32, u32)> {
        self.ready.get_mut(&worker)?.pop_front()
    }

    fn queue(&mut self, token: u32) -> Result<&mut Queue, Status> {
        (token as usize)
            .checked_sub(1)
            .and_then(|at| self.queues.get_mut(at))
            .ok_or(Status::NotFound)
    }
}
