const secretParts = new Set([
	...["key", "apikey", "accesskey", "secretkey", "privatekey", "token", "authtoken", "accesstoken", "pat", "private"],
	...["secret", "secrets", "clientsecret", "password", "passwd", "passphrase", "credential", "credentials", "creds"],
]);

/** Returns whether a variable, setting or header of this name holds a secret: `GITHUB_TOKEN`, `api_key`; not `max_tokens`. */
export function isSecretName(name: string): boolean {
	const words = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
	// `PWD` alone is the current directory.
	if (/[_.-]pwd\d*$/.test(words)) return true;
	return words
		.replace(/token[_.-](?=(usage|count|limit|budget)s?$)/, "")
		.split(/[_.-]/)
		.some(
			(part) =>
				/(password|passwd|secret|token|apikey)\d*$/.test(part) || secretParts.has(part.replace(/(?<!\d)\d+$/, "")),
		);
}

/** Returns whether a setting of this name is a secret, or contains only secrets (`headers`). */
export function isSecretField(name: string): boolean {
	return isSecretName(name) || /^((proxy-)?authorization|(set-)?cookie|headers)$/i.test(name);
}

/** Headers whose values are the same for every user. */
const publicHeader =
	/^(accept(-.*)?|content-.*|user-agent|cache-control|connection|host|origin|referer|.*-version|.*-beta)$/i;

/** Returns whether the value under a key is secret, given whether its mapping is. */
export function isSecretBelow(key: string, isSecret: boolean): boolean {
	return (isSecret && !publicHeader.test(key)) || isSecretField(key);
}

/** Returns whether a query parameter of this name is a secret. */
export function isSecretParameter(name: string): boolean {
	if (/^(sort|order|group|primary|foreign|partition|cache|public|row|object|index)[_-]?key$/i.test(name)) return false;
	return (
		isSecretName(name) ||
		/^(sig|signature|x-amz-(signature|credential)|code|auth|pass|pwd|jwt|session(_?id)?|sid)$/i.test(name)
	);
}

/** Returns whether a parameter only selects content and never identifies the user. */
export function isPublicParameter(name: string): boolean {
	return /^(api-?)?version$|^v$|^(model|deployment|region|location|format|lang|language|locale|stream|timeout|limit|page|alt|branch|ref)$/i.test(
		name,
	);
}
