// Worker threads that talk to main, and libuv's own pool of threads.
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto');
const fs = require('fs/promises');

if (isMainThread) {
	main();
} else {
	parentPort.on('message', (n) => {
		if (n < 0)
			parentPort.close();
		else
			parentPort.postMessage(crypto.createHash('sha256').update(`${workerData} ${n}`).digest('hex'));
	});
}

function work(number) {
	return new Promise((resolve, reject) => {
		const worker = new Worker(__filename, { workerData: number });
		const answers = [];
		worker.on('message', (text) => {
			answers.push(text);
			worker.postMessage(answers.length < 100 ? answers.length : -1);
		});
		worker.on('error', reject);
		worker.on('exit', () => resolve(answers.join('')));
		worker.postMessage(0);
	});
}

async function main() {
	const all = await Promise.all([1, 2, 3, 4].map(work));
	console.log(crypto.createHash('sha256').update(all.join('')).digest('hex'));
	const keys = await Promise.all([...Array(16).keys()].map((n) => new Promise((resolve) =>
		crypto.pbkdf2('secret', `salt ${n}`, 2000, 32, 'sha256', (_, key) => resolve(key.toString('hex'))))));
	console.log(keys.join('\n'));
	const sizes = await Promise.all([...Array(32).keys()].map(() => fs.readFile(__filename)));
	console.log(sizes.length, new Set(sizes.map((s) => s.length)).size);
}
