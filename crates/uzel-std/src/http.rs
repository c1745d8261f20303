//! The one HTTP client of the process: its connections, its TLS and its limits. Used by models and by the http tool.

use std::{sync::OnceLock, time::Duration};

/// The shared client: TLS by rustls with ring, 3 s to connect, no redirects, no overall time limit (every request
/// brings its own).
pub fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        // A host program may have installed a provider already; then that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("uzel/", env!("CARGO_PKG_VERSION")))
            .build()
            .expect("a client without files or options from outside can always be built")
    })
}
