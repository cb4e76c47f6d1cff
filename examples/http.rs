//! `http CLUSTER_PORT HOST_PORT`: a replicated map with a web page. An axum application beside a `Kv` node, on either
//! host; every process of the cluster shows and changes the same map.
//!
//! ```sh
//! cargo run --example http 2233 8080     # the first of a cluster: nobody answers there. It logs its cluster port
//! cargo run --example http PORT 8081     # in another terminal, with that port
//! curl -X PUT --data tea http://127.0.0.1:8080/store/drink && curl http://127.0.0.1:8081/store
//! ```

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::{get, put};
use axum::{Router, extract::rejection::PathRejection};
use devts::{Error, Member, ctrl_c};
use devts_examples::{argument, run, web};
use devts_nodes::{Kv, KvError, KvHandle, WriteError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

/// Bodies are read up to here before anything is refused: who is cut off in the middle of a body sees no answer.
const BODY_MAX: usize = 2 << 20;

fn main() -> ExitCode {
    run(async |host| {
        let cluster_port: u16 = argument(1, "CLUSTER_PORT")?;
        let host_port: u16 = argument(2, "HOST_PORT")?;
        let stop = ctrl_c();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, host_port));
        let refused = |error| Error::msg(format!("cannot listen on {address}: {error}"));
        let listener = host.transport().listen(address).await.map_err(refused)?;
        let host_port = listener.address().port();
        let node = devts::join(cluster_port, Kv::default()).runtime(host.clone()).await?;
        log::info!("host port {host_port}: open http://localhost:{host_port}/");
        host.spawn(Box::pin(web::serve(host.clone(), listener, router(node.clone().into()))));
        node.run_until(stop).await
    })
}

fn router(kv: KvHandle) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/store", get(store))
        .route("/set/{name}/{value}", get(set))
        .route("/store/{name}", put(put_value).delete(delete_value))
        .route("/members", get(members))
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn(whole_body))
        .with_state(kv)
}

// ---- what is asked -------------------------------------------------------------------------------------------

async fn store(State(kv): State<KvHandle>) -> Answer<Json<BTreeMap<String, String>>> {
    Ok(Json(all(&kv).await?))
}

async fn set(
    State(kv): State<KvHandle>,
    path: std::result::Result<Path<(String, String)>, PathRejection>,
) -> Answer<String> {
    let Path((name, value)) = path?;
    kv.put(&name, value).await?;
    Ok(format!("{name} is set\n"))
}

async fn put_value(State(kv): State<KvHandle>, name: Name, body: Bytes) -> Answer<String> {
    let Path(name) = name?;
    let length = body.len();
    // Checked first: what is too long is not read as text.
    let value = if length > devts_nodes::VALUE_MAX { body } else { text(body)? };
    kv.put(&name, value).await?;
    Ok(format!("{name} is set\n"))
}

async fn delete_value(State(kv): State<KvHandle>, name: Name) -> Answer<String> {
    let Path(name) = name?;
    if kv.delete(&name).await? {
        return Ok(format!("{name} is deleted\n"));
    }
    Err(Refused(
        StatusCode::NOT_FOUND,
        format!("there is no {name:?} to delete: it is absent from the store"),
    ))
}

async fn members(State(kv): State<KvHandle>) -> Json<Vec<Shown>> {
    Json(kv.node().view().iter().map(Shown::from).collect())
}

async fn page(State(kv): State<KvHandle>) -> Answer<Html<String>> {
    let mut page = String::from("<!doctype html><title>devts</title><h1>Members</h1><ul>");
    for Shown { kind, id, address } in kv.node().view().iter().map(Shown::from) {
        let _ = write!(page, "<li>{} {id} at {address}", escape(&kind));
    }
    page.push_str("</ul><h1>Store</h1><table>");
    for (name, value) in all(&kv).await? {
        let _ = write!(page, "<tr><th>{}<td>{}", escape(&name), escape(&value));
    }
    page.push_str("</table>\n");
    Ok(Html(page))
}

/// A member as JSON.
#[derive(Serialize)]
struct Shown {
    kind: String,
    id: String,
    address: String,
}

impl From<&Member> for Shown {
    fn from(member: &Member) -> Shown {
        Shown { kind: member.kind.clone(), id: member.id.to_string(), address: member.address.to_string() }
    }
}

async fn all(kv: &KvHandle) -> Answer<BTreeMap<String, String>> {
    let text = |value: Bytes| String::from_utf8_lossy(&value).into_owned();
    Ok(kv.scan("").await?.into_iter().map(|(name, value)| (name, text(value))).collect())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

// ---- what is refused -----------------------------------------------------------------------------------------

type Name = std::result::Result<Path<String>, PathRejection>;
type Answer<T> = std::result::Result<T, Refused>;

/// A status, and a sentence that says why.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, self.1 + "\n").into_response()
    }
}

impl From<KvError> for Refused {
    fn from(error: KvError) -> Refused {
        let status = match &error {
            KvError::Write(WriteError::KeyTooLong { .. }) => StatusCode::BAD_REQUEST,
            KvError::Write(WriteError::ValueTooLong { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            KvError::Write(_) => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Refused(status, error.to_string())
    }
}

impl From<PathRejection> for Refused {
    fn from(rejection: PathRejection) -> Refused {
        Refused(rejection.status(), format!("the path cannot be read: {}", rejection.body_text()))
    }
}

fn text(body: Bytes) -> Answer<Bytes> {
    match std::str::from_utf8(&body) {
        Ok(_) => Ok(body),
        Err(error) => Err(Refused(StatusCode::BAD_REQUEST, format!("the value is no UTF-8: {error}"))),
    }
}

async fn unknown(uri: Uri) -> Refused {
    let sentence = format!("there is nothing at {}: try /, /store, /members or /set/name/value", uri.path());
    Refused(StatusCode::NOT_FOUND, sentence)
}

async fn not_allowed(method: Method, uri: Uri) -> Refused {
    Refused(StatusCode::METHOD_NOT_ALLOWED, format!("{method} means nothing at {}", uri.path()))
}

/// Reads the body of every request, whatever becomes of it.
async fn whole_body(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match to_bytes(body, BODY_MAX).await {
        Ok(body) => next.run(Request::from_parts(head, Body::from(body))).await,
        Err(error) => {
            let sentence = format!("the body was not taken, {BODY_MAX} bytes are the most: {error}");
            Refused(StatusCode::PAYLOAD_TOO_LARGE, sentence).into_response()
        }
    }
}
