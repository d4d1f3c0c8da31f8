import { fileStamp, type Registry, readRegistry, registryFile } from "@agentv/core";
import type { StudioOptions } from "./options.ts";

/** Reads the registry for every request, but only parses it if it has changed. */
export class RegistryReader {
	readonly #env: StudioOptions["env"];
	#known: { readonly stamp: string; readonly registry: Registry } | undefined;

	constructor({ env }: Pick<StudioOptions, "env">) {
		this.#env = env;
	}

	/** @throws AgentvError `config` if the registry can't be read */
	read(): Registry {
		const stamp = fileStamp(registryFile(this.#env)) ?? "none";
		if (this.#known?.stamp !== stamp) this.#known = { stamp, registry: readRegistry(this.#env) };
		return this.#known.registry;
	}
}
