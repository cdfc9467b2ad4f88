//! The command line: the only place that prints, exits or reads the environment.
mod budget;
mod catalogue;
mod cli;
mod cmd;
mod compute;
mod embedded;
mod exit;
mod expect;
mod failure;
mod interrupt;
mod memory;
mod progress;
mod terminal;
mod world;

use std::process::ExitCode;

#[global_allocator]
static MEMORY: memory::Guarded = memory::Guarded;

fn main() -> ExitCode {
    exit::guarded(|| {
        interrupt::listen();
        let cli = match cli::parse(std::env::args_os().collect()) {
            Ok(cli) => cli,
            Err(exit) => return exit,
        };
        terminal::log(cli.common.verbose);
        let terminal = terminal::Terminal::new(&cli.common);
        let (name, verb) = cli.command.verb();
        let answer = match verb.compute() {
            Some(compute) => compute.within(|| verb.run(&terminal)),
            None => verb.run(&terminal),
        };
        exit::answered(&terminal, name, answer)
    })
}
