//! Takes connections and ends them: HTTP/1.1 with limits on heads, in tasks that end with the server.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::{Server, routes::Routes};

/// Headers of one request, at most; and bytes of its head.
const MOST_HEADERS: usize = 100;
const MOST_HEAD: usize = 64 * 1024;

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Runs that were cut off in the middle of something; the next process does that again.
    pub cut: usize,
}

/// Answers requests until `stop` is done, and then lets what is in flight end; `now` cuts that short.
pub async fn serve(
    server: Arc<Server>,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
    now: impl Future<Output = ()>,
) -> Ended {
    let router = Routes::all().router(&server);
    let (ending, ended) = watch::channel(false);
    let room = Arc::new(Semaphore::new(server.settings.connections));
    let mut connections = JoinSet::new();
    let accept = async {
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    while connections.try_join_next().is_some() {}
                    let service = TowerToHyperService::new(router.clone());
                    let (ended, patience) = (ended.clone(), server.settings.patience);
                    connections.spawn(async move {
                        connection(stream, peer, service, ended, patience).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Too many open files, say: what is open must be let go first.
                    tracing::warn!(%error, "a connection could not be taken");
                    server.runner.engine().shared.world.sleep(Duration::from_millis(50)).await;
                }
            }
        }
    };
    tokio::select! {
        () = accept => {}
        () = server.runner.tend() => {}
        () = stop => {}
    }
    server.is_draining.store(true, Ordering::Relaxed);
    let drain = async {
        let cut = server.runner.drain(server.settings.drain).await;
        // An error is that no connection is left.
        let _ = ending.send(true);
        let last = server.runner.engine().shared.world.sleep(Duration::from_secs(2));
        tokio::select! {
            () = async { while connections.join_next().await.is_some() {} } => {}
            () = last => {}
        }
        cut
    };
    let cut = tokio::select! {
        cut = drain => cut,
        () = now => server.runner.drain(Duration::ZERO).await,
    };
    Ended { cut }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    service: TowerToHyperService<axum::Router>,
    mut ended: watch::Receiver<bool>,
    patience: Duration,
) {
    // Small answers must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_headers(MOST_HEADERS)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        _ = ended.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "a connection ended badly");
    }
}
