import type { ClientApp } from "@agentclientprotocol/sdk";
import { AgentvError } from "../../base/agentv-error.ts";
import type { ProviderSettings } from "../../schema/target-file.ts";
import { permissionAnswer } from "./permission-answer.ts";
import type { WorkspaceFiles } from "./workspace-files.ts";

type Sdk = typeof import("@agentclientprotocol/sdk");

/** Handles an agent's requests: permissions, and file access if there is a workspace. */
export function clientApp(
	{ client, methods, RequestError }: Sdk,
	permissions: ProviderSettings<"acp">["permissions"],
	files: WorkspaceFiles | undefined,
): ClientApp {
	const { session, fs } = methods.client;
	const app = client({ name: "agentv" }).onRequest(session.requestPermission, ({ params }) =>
		permissionAnswer(params, permissions),
	);
	if (!files) return app;
	const refusing = <Answer>(work: () => Answer): Answer => {
		try {
			return work();
		} catch (error) {
			if (error instanceof AgentvError) throw RequestError.invalidParams(undefined, error.message);
			throw error;
		}
	};
	return app
		.onRequest(fs.readTextFile, ({ params }) => refusing(() => files.read(params)))
		.onRequest(fs.writeTextFile, ({ params }) => refusing(() => files.write(params)));
}
