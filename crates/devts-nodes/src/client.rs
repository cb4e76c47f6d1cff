//! `KvHandle`: a `Kv` node from outside, for tasks that may wait. Knows no rule of the store.

use crate::feed::Feed;
use crate::kv::{Kv, KvError, Notice, Written};
use crate::store::Change;
use bytes::Bytes;
use devts::NodeHandle;

/// A [`Kv`] node from outside. Cheap to clone; each call is one turn of the node.
///
/// ```
/// use devts_nodes::{Kv, KvHandle};
///
/// # fn main() -> devts::Result { devts::block_on(async {
/// let node = devts::join((), Kv::default()).await?;
/// let kv = KvHandle::from(node.clone());
/// kv.put("drink", "tea").await?;
/// assert_eq!(kv.get("drink").await?.as_deref(), Some(&b"tea"[..]));
/// # Ok(node.stop().await?) }) }
/// ```
#[derive(Clone, Debug)]
pub struct KvHandle {
    node: NodeHandle<Kv>,
}

impl From<NodeHandle<Kv>> for KvHandle {
    fn from(node: NodeHandle<Kv>) -> KvHandle {
        KvHandle { node }
    }
}

impl KvHandle {
    /// The node: its cluster, turns of your own, its end.
    pub fn node(&self) -> &NodeHandle<Kv> {
        &self.node
    }

    /// Sets a key, here and on all other nodes: at once here, there as soon as the event arrives.
    ///
    /// # Errors
    ///
    /// When the key or value is too long, the store is full, or the node is stopping. Nothing has changed then.
    pub async fn put(&self, key: impl Into<String>, value: impl Into<Bytes>) -> Result<(), KvError> {
        self.write(vec![(key.into(), Some(value.into()))]).await
    }

    /// Sets several keys, all or none, as one event.
    ///
    /// # Errors
    ///
    /// As [`KvHandle::put`]; also when all of it is longer than the longest event.
    pub async fn put_all<K, V>(&self, values: impl IntoIterator<Item = (K, V)>) -> Result<(), KvError>
    where
        K: Into<String>,
        V: Into<Bytes>,
    {
        let values = values.into_iter().map(|(key, value)| (key.into(), Some(value.into())));
        self.write(values.collect()).await
    }

    /// Deletes a key; answers whether it was there.
    ///
    /// # Errors
    ///
    /// When the node is stopping.
    pub async fn delete(&self, key: &str) -> Result<bool, KvError> {
        loop {
            let key = key.to_owned();
            match self.node.with(move |kv, cx| kv.delete(&key, cx)).await? {
                Err(error) if error.is_retryable() => self.room().await?,
                done => return done,
            }
        }
    }

    /// The value of a key, as this node has it.
    ///
    /// # Errors
    ///
    /// When the node is stopping.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, KvError> {
        let key = key.to_owned();
        Ok(self.node.with(move |kv, _| kv.store().get(&key).cloned()).await?)
    }

    /// The keys that start with `prefix`, in order, with their values: all as they stood at one moment.
    ///
    /// # Errors
    ///
    /// When the node is stopping.
    pub async fn scan(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, KvError> {
        let prefix = prefix.to_owned();
        Ok(self.node.with(move |kv, _| scan(kv, &prefix)).await?)
    }

    /// What [`KvHandle::scan`] gives, and each change after it, without a gap between the two.
    ///
    /// # Errors
    ///
    /// When the node is stopping.
    pub async fn watch(&self, prefix: &str) -> Result<(Vec<(String, Bytes)>, Feed<Change>), KvError> {
        let prefix = prefix.to_owned();
        Ok(self.node.with(move |kv, _| (scan(kv, &prefix), kv.watch(prefix))).await?)
    }

    /// Lost and refused writes at any key, from now on.
    ///
    /// # Errors
    ///
    /// When the node is stopping.
    pub async fn notices(&self) -> Result<Feed<Notice>, KvError> {
        Ok(self.node.with(|kv, _| kv.notices()).await?)
    }

    async fn write(&self, values: Vec<(String, Option<Bytes>)>) -> Result<(), KvError> {
        loop {
            let values = values.clone();
            match self.node.with(move |kv, cx| kv.write(values, cx)).await? {
                Err(error) if error.is_retryable() => self.room().await?,
                done => return done,
            }
        }
    }

    /// Turns never wait; this does, by emitting nothing to all: an emitter outside a turn waits for room.
    async fn room(&self) -> Result<(), KvError> {
        Ok(self.node.emit(Written::default()).await?)
    }
}

fn scan(kv: &Kv, prefix: &str) -> Vec<(String, Bytes)> {
    kv.store().scan(prefix).map(|(key, value)| (key.to_owned(), value.clone())).collect()
}
