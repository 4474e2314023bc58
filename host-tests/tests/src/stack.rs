//! Mock regions and an Envoy in front of them, from a configuration of this repository.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use azure_mock::{Config, Mock, Region};
use tempfile::TempDir;

use crate::client::Client;
use crate::configuration::{self, ADMIN_PORT, FIRST_REGION_PORT, GATEWAY_PORT};
use crate::envoy::Envoy;
use crate::places;

/// What every configuration calls the listener clients connect to.
const LISTENER: &str = "llm";
/// The mock regions behind port 8101 and the following ones.
const REGIONS: [&str; 3] = ["swedencentral", "eastus2", "japaneast"];

/// A running gateway with its regions. Everything ends when it is dropped.
pub struct Stack {
    /// The Envoy process.
    pub envoy: Envoy,
    /// The regions: what they received, and their faults.
    pub mock: Mock,
    gateway: SocketAddr,
    client: Client,
    listeners: Option<Listeners>,
}

/// Listeners in a file that Envoy watches.
struct Listeners {
    folder: TempDir,
    text: String,
}

/// What a [`Stack`] is to be started with.
pub struct Builder {
    configuration: String,
    replacements: Vec<(String, String)>,
    concurrency: usize,
    ports: Ports,
    mock: Config,
    is_updatable: bool,
}

/// Which ports to listen on; 0 takes a free one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// For clients.
    pub gateway: u16,
    /// Of Envoy's admin interface.
    pub admin: u16,
    /// Of the first mock region; the others follow it.
    pub first_region: u16,
}

impl Ports {
    /// The ports that the configurations name.
    pub const CONFIGURED: Self = Self {
        gateway: GATEWAY_PORT,
        admin: ADMIN_PORT,
        first_region: FIRST_REGION_PORT,
    };
}

impl Stack {
    /// A stack for a configuration such as `envoy/token-estimator/envoy.yaml`: one worker,
    /// free ports, regions without quotas or faults.
    pub fn of(configuration: &str) -> Builder {
        Builder {
            configuration: configuration.to_owned(),
            replacements: Vec::new(),
            concurrency: 1,
            ports: Ports::default(),
            mock: Config::default(),
            is_updatable: false,
        }
    }

    /// A stack for a configuration twice, each with a name for messages: as it is, with a
    /// filter for each stage, and with `gateway.wasm` in the place of the filter `first` and
    /// without the filters `others`.
    pub fn by_chain(
        configuration: &str,
        first: &str,
        others: &[&str],
    ) -> [(&'static str, Builder); 2] {
        let mut all_in_one = Stack::of(configuration)
            .replace(&format!("filters/{first}.wasm"), "filters/gateway.wasm");
        for other in others {
            let filter = format!("                  - name: {other}\n");
            let disabled = format!("{filter}                    disabled: true\n");
            all_in_one = all_in_one.replace(&filter, &disabled);
        }
        [
            ("a filter for each stage", Stack::of(configuration)),
            ("gateway.wasm", all_in_one),
        ]
    }

    /// Where clients connect.
    pub fn gateway(&self) -> SocketAddr {
        self.gateway
    }

    /// A client of the gateway, over HTTP/1.1.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A client of the gateway, over HTTP/2.
    pub fn http2_client(&self) -> Client {
        Client::http2(self.gateway)
    }

    /// Changes the text of the listeners while Envoy runs, and waits until it has taken them.
    /// Connections that are open end when their requests do.
    ///
    /// # Errors
    /// When the stack was not built [`Builder::updatable`], the text to be replaced is not
    /// there, or Envoy does not take the new one.
    pub fn update(&mut self, replacements: &[(&str, &str)]) -> Result<()> {
        let listeners = self.listeners.as_mut();
        let listeners = listeners.context("the stack was not built updatable")?;
        for (from, to) in replacements {
            listeners.text = replaced(&listeners.text, from, to)?;
        }
        const TAKEN: &str = "listener_manager.lds.update_success";
        let before = self.envoy.stat(TAKEN)?;
        listeners.write()?;
        self.envoy.wait_until("the new listeners", |envoy| {
            envoy.stat(TAKEN).is_ok_and(|now| now > before)
        })
    }
}

impl Builder {
    /// Envoy's worker threads, each with a VM of its own.
    pub fn concurrency(mut self, workers: usize) -> Self {
        self.concurrency = workers;
        self
    }

    /// Other ports than free ones.
    pub fn ports(mut self, ports: Ports) -> Self {
        self.ports = ports;
        self
    }

    /// Changes what the regions are: quotas, faults, deployments. Their names and ports
    /// are the configuration's.
    pub fn mock(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.mock);
        self
    }

    /// Lets [`Stack::update`] change the listeners while Envoy runs.
    pub fn updatable(mut self) -> Self {
        self.is_updatable = true;
        self
    }

    /// Changes the configuration's text, such as a limit that a test wants to reach.
    pub fn replace(mut self, from: &str, to: &str) -> Self {
        self.replacements.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Starts the regions and Envoy, and waits until it is ready.
    ///
    /// # Errors
    /// When the configuration lacks what is to be replaced, a module was not built, a port
    /// is taken, or Envoy refuses the configuration (with its log).
    pub fn start(self) -> Result<Stack> {
        let configuration = self.configuration.clone();
        self.start_it().with_context(|| configuration)
    }

    fn start_it(mut self) -> Result<Stack> {
        let file = places::root().join(&self.configuration);
        let mut text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        for (from, to) in &self.replacements {
            text = replaced(&text, from, to)?;
        }
        let Ports {
            gateway,
            admin,
            first_region,
        } = self.ports;
        for port in [gateway, admin] {
            free(port)?;
        }
        let named = configuration::region_ports(&text);
        ensure!(
            !named.is_empty(),
            "it names no mock region, 127.0.0.1:{FIRST_REGION_PORT} or after"
        );
        let mut ports = vec![(GATEWAY_PORT, gateway), (ADMIN_PORT, admin)];
        for port in &named {
            let index = port - FIRST_REGION_PORT;
            let Some(name) = REGIONS.get(usize::from(index)) else {
                bail!("it names port {port}, behind which there is no region");
            };
            let port = if first_region == 0 {
                0
            } else {
                first_region + index
            };
            free(port)?;
            self.mock.regions.push(Region {
                port,
                ..Region::new(name)
            });
        }
        let mock = Mock::start(self.mock)?;
        for (port, region) in named.iter().zip(mock.regions()) {
            ports.push((*port, region.address().port()));
        }
        let mut text = configuration::adapt(&text, &ports, &places::filters())?;
        let mut listeners = None;
        if self.is_updatable {
            let folder = tempfile::tempdir()?;
            let parts = configuration::with_listeners_in(folder.path(), &text)?;
            text = parts.0;
            let own = listeners.insert(Listeners {
                folder,
                text: parts.1,
            });
            own.write()?;
        }
        let envoy = Envoy::start(&text, self.concurrency)?;
        let gateway = envoy.listener(LISTENER)?;
        let client = Client::new(gateway);
        Ok(Stack {
            envoy,
            mock,
            gateway,
            client,
            listeners,
        })
    }
}

impl Listeners {
    /// Puts the text where Envoy looks, at once and whole: it takes note of a file that is
    /// moved there.
    fn write(&self) -> Result<()> {
        let file = self.folder.path().join(configuration::LISTENERS_FILE);
        let unfinished = file.with_extension("new");
        std::fs::write(&unfinished, &self.text)?;
        Ok(std::fs::rename(unfinished, file)?)
    }
}

fn replaced(text: &str, from: &str, to: &str) -> Result<String> {
    ensure!(text.contains(from), "it has no `{from}` to be replaced");
    Ok(text.replace(from, to))
}

/// A fixed port must be free, and a sentence says it better than a log.
fn free(port: u16) -> Result<()> {
    if port != 0 {
        std::net::TcpListener::bind(("127.0.0.1", port)).with_context(|| {
            format!("127.0.0.1:{port} is in use; stop what listens there or choose another port")
        })?;
    }
    Ok(())
}
