//! Services built and run by a real Docker engine, through the real program.

mod building;
mod faults;
mod interrupted;
mod services;

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::engines::Docker;
use crate::installation::Installation;

/// Where the one program of all images is.
const BUSYBOX: &str = "/bin/busybox";
/// The first lines of the Dockerfiles of these tests: a base without any registry.
pub const BASE: &str = "FROM scratch AS base\n\
    COPY busybox /bin/busybox\n\
    RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n\
    FROM base\n";

/// An installation that uses the engine of the tests, with one environment in it.
pub struct Site {
    pub installation: Installation,
    pub docker: &'static Docker,
    pub environment: &'static str,
}

impl Site {
    /// Its environment has a name that no other test uses, as all share one engine.
    pub fn new(environment: &'static str) -> Self {
        let docker = Docker::shared();
        let installation = Installation::new();
        installation.configure(&format!("docker: {{ host: '{}' }}\n", docker.host()));
        Self {
            installation,
            docker,
            environment,
        }
    }

    /// A source folder with this Dockerfile and the program in it.
    pub fn source(&self, folder: &str, dockerfile: &str) {
        self.installation
            .write(&format!("{folder}/Dockerfile"), dockerfile);
        let copy = self.installation.project().join(folder).join("busybox");
        std::fs::copy(BUSYBOX, copy).unwrap();
    }

    /// A source folder of a server that answers with this greeting.
    pub fn greeter(&self, folder: &str, greeting: &str) {
        let dockerfile = format!(
            "{BASE}COPY index.html /www/index.html\n\
             CMD [\"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]\n"
        );
        self.source(folder, &dockerfile);
        let page = format!("{folder}/index.html");
        self.installation.write(&page, greeting);
    }

    /// Adds `getent` of this machine to a source, with the libraries that it needs: as
    /// `/opt/getent`, where the other programs do not find them.
    pub fn getent(&self, folder: &str) {
        let program = "/usr/bin/getent";
        let listed = Command::new("ldd").arg(program).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let libraries = listed
            .split_whitespace()
            .filter(|word| word.starts_with('/'));
        let place = self.installation.project().join(folder).join("getent");
        std::fs::create_dir_all(&place).unwrap();
        for path in libraries.chain([program]).map(Path::new) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let name = if name.starts_with("ld-") { "ld" } else { name };
            std::fs::copy(path, place.join(name)).unwrap();
        }
        let file = self.installation.project().join(folder).join("Dockerfile");
        let dockerfile = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, dockerfile + "COPY getent /opt/getent\n").unwrap();
    }

    /// Writes the environment file.
    pub fn services(&self, services: &[String]) {
        let name = self.environment;
        let text = format!(
            "name: {name}\nstrategies:\n  \
             application: {{ build: \"builtin:dockerfile\", deploy: \"builtin:docker\" }}\n  \
             database: {{ build: \"builtin:dockerfile\", deploy: \"builtin:docker\" }}\n  \
             job: {{ build: \"builtin:dockerfile\", deploy: \"builtin:docker\" }}\n\
             services:{}",
            services.concat()
        );
        self.installation.write("stagewright.yaml", &text);
    }

    /// What the engine has of the environment: containers, networks and volumes by name.
    pub fn objects(&self) -> Vec<String> {
        let label = format!("label=dev.stagewright.environment={}", self.environment);
        let filter = ["--filter", &label, "--format"];
        let lists: [&[&str]; 3] = [
            &["ps", "--all", filter[0], filter[1], filter[2], "{{.Names}}"],
            &[
                "network",
                "ls",
                filter[0],
                filter[1],
                filter[2],
                "{{.Name}}",
            ],
            &["volume", "ls", filter[0], filter[1], filter[2], "{{.Name}}"],
        ];
        let all = lists.iter().map(|list| self.docker.cli(list));
        let mut all: Vec<_> = all
            .flat_map(|list| list.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        all.sort();
        all
    }

    /// The running container of a service.
    pub fn container(&self, service: &str) -> String {
        let environment = format!("label=dev.stagewright.environment={}", self.environment);
        let service = format!("label=dev.stagewright.service={service}");
        let list = [
            "ps",
            "--quiet",
            "--filter",
            &environment,
            "--filter",
            &service,
        ];
        self.docker.cli(&list)
    }

    /// What a command in a running container of a service prints.
    pub fn within(&self, service: &str, command: &[&str]) -> String {
        let container = self.container(service);
        self.docker.cli(&[&["exec", &container], command].concat())
    }
}

/// A server as an entry of `services`.
pub fn web(name: &str, more: &str) -> String {
    format!(
        r#"
  {name}:
    type: application
    source: {{ path: {name} }}
    deploy: {{ with: {{ stop_grace: 1s }} }}
    ports: [{{ name: http, port: 8080 }}]
    health: {{ http: {{ port: http }}, interval: 50ms, within: 30s }}
{more}
"#
    )
}

/// A client in the network of an environment, which asks a service without a pause: every
/// address of its name until one answers.
pub struct Client {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it was answered so far.
    pub answers: Vec<String>,
}

/// Asks every address that the name has.
const ASK: &str = r#"
while :; do
    answer=
    for address in $(/opt/getent/ld --library-path /opt/getent /opt/getent/getent ahostsv4 web | cut -d' ' -f1 | sort -u); do
        answer=$(timeout 5 wget -q -O- "http://$address:8080/" 2>/dev/null) && break
    done
    echo "${answer:-nobody answered}"
done
"#;

impl Client {
    /// One that runs in the container of another service.
    pub fn new(site: &Site, service: &str) -> Self {
        let mut child = Command::new("docker")
            .args(["exec", &site.container(service), "sh", "-c", ASK])
            .env("DOCKER_HOST", site.docker.host())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let answers = Vec::new();
        Self {
            child,
            lines,
            answers,
        }
    }

    /// Reads on until this was answered so often.
    pub fn until(&mut self, answer: &str, times: usize) {
        let mut seen = 0;
        while seen < times {
            let next = self.lines.next().expect("the client goes on").unwrap();
            seen += usize::from(next == answer);
            self.answers.push(next);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_of_the_engine_is_really_done() {
    crate::grants::really_done_by("docker").await;
}
