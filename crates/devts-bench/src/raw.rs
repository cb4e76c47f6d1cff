//! The limit: length-prefixed postcard over one plain TCP stream of the host. As fast as one writes it by hand: many
//! events a write, encoded in place into one buffer; many events a read, decoded out of one buffer.

use crate::Result;
use crate::meter::{Meter, Used};
use crate::pair::Client;
use crate::payload::Payload;
use devts_rt::{Listener, Runtime, Stream};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Written at once: with 64 KiB an event of 4 KiB costs a third more.
const WRITE: usize = 256 << 10;
/// Read at once.
const READ: usize = 512 << 10;
/// The length in front of each event.
const PREFIX: usize = 4;

/// What follows.
#[derive(Debug, Serialize, Deserialize)]
struct Begin {
    count: u64,
    echo: bool,
}

/// The emitting end.
#[derive(Debug)]
pub(crate) struct RawClient {
    writer: Writer,
    reader: Reader,
    stream: Box<dyn Stream>,
    size: usize,
}

impl RawClient {
    pub(crate) async fn connect(host: &Arc<dyn Runtime>, port: u16, size: usize) -> Result<RawClient> {
        let stream = host.transport().connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        Ok(RawClient { writer: Writer::new(), reader: Reader::new(), stream, size })
    }
}

impl<E: Payload> Client<E> for RawClient {
    async fn one_way(&mut self, count: u64) -> Result<Used> {
        let RawClient { writer, reader, stream, size } = self;
        let event = E::sized(*size);
        writer.put(stream, &Begin { count, echo: false }).await?;
        for number in 0..count {
            writer.put(stream, &event.numbered(number)).await?;
        }
        writer.flush(stream).await?;
        reader.next(stream).await?.ok_or_else(|| "the receiver is gone".into())
    }

    async fn begin_echo(&mut self, count: u64) -> Result {
        self.writer.put(&mut self.stream, &Begin { count, echo: true }).await
    }

    async fn echo(&mut self, event: E) -> Result<E> {
        self.writer.put(&mut self.stream, &event).await?;
        self.writer.flush(&mut self.stream).await?;
        self.reader.next(&mut self.stream).await?.ok_or_else(|| "the receiver is gone".into())
    }
}

/// The receiving end: a free port, and whoever connects to it.
pub(crate) async fn listen(host: &Arc<dyn Runtime>) -> Result<Box<dyn Listener>> {
    Ok(host.transport().listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?)
}

/// Serves one client until it is gone.
pub(crate) async fn serve<E: Payload>(listener: Box<dyn Listener>, size: usize) -> Result {
    let (mut stream, _) = listener.accept().await?;
    let (mut writer, mut reader) = (Writer::new(), Reader::new());
    while let Some(Begin { count, echo }) = reader.next(&mut stream).await? {
        let meter = Meter::start();
        for number in 0..count {
            let event: E = reader.next(&mut stream).await?.ok_or("the emitter is gone")?;
            crate::pair::check(&event, number, size);
            if echo {
                writer.put(&mut stream, &event).await?;
                writer.flush(&mut stream).await?;
            }
        }
        if !echo {
            writer.put(&mut stream, &meter.read()).await?;
            writer.flush(&mut stream).await?;
        }
    }
    Ok(())
}

/// Encodes in place and writes when another event does not fit.
#[derive(Debug)]
struct Writer {
    buffer: Vec<u8>,
    end: usize,
}

impl Writer {
    fn new() -> Writer {
        Writer { buffer: vec![0; WRITE], end: 0 }
    }

    #[inline]
    async fn put<T: Serialize>(&mut self, stream: &mut Box<dyn Stream>, value: &T) -> Result {
        while !self.encode(value)? {
            self.flush(stream).await?;
        }
        Ok(())
    }

    /// False when it does not fit beside what is there.
    #[inline]
    fn encode<T: Serialize>(&mut self, value: &T) -> Result<bool> {
        let Some((prefix, body)) = self.buffer[self.end..].split_at_mut_checked(PREFIX) else {
            return Ok(false);
        };
        match postcard::to_slice(value, body) {
            Ok(body) => {
                prefix.copy_from_slice(&u32::try_from(body.len())?.to_le_bytes());
                self.end += PREFIX + body.len();
                Ok(true)
            }
            Err(postcard::Error::SerializeBufferFull) => {
                if self.end == 0 {
                    self.buffer.resize(2 * self.buffer.len(), 0);
                }
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn flush(&mut self, stream: &mut Box<dyn Stream>) -> Result {
        stream.write_all(&self.buffer[..self.end]).await?;
        self.end = 0;
        Ok(())
    }
}

/// Reads as much as there is and decodes out of that.
#[derive(Debug)]
struct Reader {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Reader {
    fn new() -> Reader {
        Reader { buffer: vec![0; READ], start: 0, end: 0 }
    }

    /// The next value, or `None` where the stream ends.
    #[inline]
    async fn next<T: DeserializeOwned>(&mut self, stream: &mut Box<dyn Stream>) -> Result<Option<T>> {
        loop {
            if let Some(value) = self.decode()? {
                return Ok(Some(value));
            }
            if !self.fill(stream).await? {
                return Ok(None);
            }
        }
    }

    #[inline]
    fn decode<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let Some((prefix, rest)) = self.buffer[self.start..self.end].split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let len = u32::from_le_bytes(*prefix) as usize;
        let Some(body) = rest.get(..len) else { return Ok(None) };
        self.start += PREFIX + len;
        Ok(Some(postcard::from_bytes(body)?))
    }

    async fn fill(&mut self, stream: &mut Box<dyn Stream>) -> Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let read = stream.read(&mut self.buffer[self.end..]).await?;
        self.end += read;
        Ok(read > 0)
    }
}
