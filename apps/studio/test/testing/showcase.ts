const evalFile = `# How refunds are answered
name: refunds
description: Refunds that cover a part of an order
tags: [refunds, support]
target: agent
threshold: 0.8
workspace:
  template: ./shop
  hooks:
    before_each:
      command: [node, ./scripts/open-shop.mjs]
assertions:
  - name: names the amount
    type: code-grader
    command: [node, ./scripts/check.mjs]
tests:
  - id: half-price
    input: |
      The customer wants half of order 1234 back.
      It was delivered on Tuesday.
    expected_output: A refund of **16.25**
    assertions:
      - type: contains
        value: "16.25"
      - type: icontains-any
        value: [policy, terms]
  - id: wrong-currency   # pounds, not dollars
    input: Refund 20 GBP of order 99
    assertions:
      - type: regex
        value: '£\\s?20'
  - id: no-such-order
    input: Refund order 0
    input_files: ['.\\shop\\orders.json']
    assertions:
      - type: contains
        value: cannot
  - id: slow-answer
    input: Refund order 7
    target: absent
    metadata: { notes_file: /etc/hostname }
`;

const agent = `const prompt = process.argv[2];
const text = prompt.includes("1234")
	? "# Refund for order 1234\\n\\nHalf of **32.50** is 16.25.\\n\\n| item | price |\\n| --- | ---: |\\n| Lamp | 20.00 |\\n| Shade | 12.50 |\\n\\n\`\`\`js\\nawait refund({ order: 1234, amount: 16.25 });\\n\`\`\`\\n\\n> Policy 7 applies.\\n"
	: prompt.includes("GBP") ? "Refunded £20." : "That order is refunded.";
const calls = [{ tool: "order_lookup", input: { order: 1234 }, output: { status: "delivered" }, duration_ms: 12 }];
const { writeFileSync } = await import("node:fs");
writeFileSync("notes.md", "# Notes\\n\\nrefunded\\n");
console.log(JSON.stringify({ text, output_messages: [{ role: "assistant", content: "Let me look.", tool_calls: calls }, { role: "assistant", content: text }], cost_usd: 0.0123, token_usage: { input: 812, output: 140 } }));
`;

const check = `let input = "";
for await (const piece of process.stdin) input += piece;
const { output } = JSON.parse(input);
const amount = /\\d/.test(JSON.stringify(output ?? ""));
console.log(JSON.stringify({ assertions: [
	{ text: "An amount is named", passed: amount, evidence: amount ? "a number stands in the answer" : "there is no number in the answer" },
	{ text: "It is polite", passed: true },
] }));
`;

/** Files for every screen, with findings, hooks, graders, failures and errors. */
export const showcase: Readonly<Record<string, string>> = {
	"evals/refunds.eval.yaml": evalFile,
	"evals/targets.yaml": `targets:
  - name: agent
    use_target: \${{ SUPPORT_AGENT:-offline }}
    grader_target: judge
  - name: offline
    provider: cli
    command: [node, ./scripts/agent.mjs, "{PROMPT}"]
  - name: absent
    provider: cli
    command: [node, ./scripts/broken.mjs]
  - name: judge
    provider: openai
    api_key: \${{ OPENAI_API_KEY }}
    model: gpt-5-mini
`,
	"evals/scripts/agent.mjs": agent,
	"evals/scripts/check.mjs": check,
	"evals/scripts/open-shop.mjs": "process.stdin.resume();\n",
	"evals/scripts/broken.mjs": 'throw new Error("the agent is not at home");\n',
	"evals/shop/orders.json": '{ "1234": { "total": 32.5 } }\n',
	"evals/tone/formal.eval.yaml":
		"name: formal\ntarget: listed\ntests:\n  - id: greets\n    input: Hello\n    expected_output: Good day\n    assertions:\n      - { type: contains, value: day }\n",
	"evals/tone/targets.yaml": "targets:\n  - { name: listed, provider: mock, response: Good day }\n",
};
