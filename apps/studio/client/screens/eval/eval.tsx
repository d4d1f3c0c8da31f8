export function Eval() {
	return <p>Eval</p>;
}
