/* Threads, monitors, an executor and sockets on the JVM. */
import java.io.*;
import java.net.*;
import java.util.*;
import java.util.concurrent.*;

public class Threads {
	private static int turn;

	static int pingPong(int rounds) throws Exception {
		Object monitor = new Object();
		Thread[] players = new Thread[2];
		for (int i = 0; i < 2; i++) {
			int me = i;
			players[i] = new Thread(() -> {
				for (int r = 0; r < rounds; r++) {
					synchronized (monitor) {
						try {
							while (turn % 2 != me)
								monitor.wait();
						} catch (InterruptedException e) {
							return;
						}
						turn++;
						monitor.notifyAll();
					}
				}
			});
			players[i].start();
		}
		for (Thread player : players)
			player.join();
		return turn;
	}

	static long squares() throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(16);
		List<Future<Long>> futures = new ArrayList<>();
		for (int n = 0; n < 2000; n++) {
			long x = n;
			futures.add(pool.submit(() -> x * x));
		}
		long total = 0;
		for (Future<Long> future : futures)
			total += future.get();
		pool.shutdown();
		pool.awaitTermination(60, TimeUnit.SECONDS);
		return total;
	}

	static int echo(int clients) throws Exception {
		ServerSocket server = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
		Thread accepter = new Thread(() -> {
			try {
				for (int i = 0; i < clients; i++) {
					Socket s = server.accept();
					new Thread(() -> {
						try (s) {
							s.getInputStream().transferTo(s.getOutputStream());
						} catch (IOException e) {
							System.out.println(e);
						}
					}).start();
				}
			} catch (IOException e) {
				System.out.println(e);
			}
		});
		accepter.start();
		int good = 0;
		List<Future<Boolean>> answers = new ArrayList<>();
		ExecutorService pool = Executors.newCachedThreadPool();
		for (int i = 0; i < clients; i++) {
			byte[] text = ("client " + i).repeat(1000).getBytes();
			answers.add(pool.submit(() -> {
				try (Socket s = new Socket(server.getInetAddress(), server.getLocalPort())) {
					s.getOutputStream().write(text);
					s.shutdownOutput();
					return Arrays.equals(text, s.getInputStream().readAllBytes());
				}
			}));
		}
		for (Future<Boolean> answer : answers)
			good += answer.get() ? 1 : 0;
		pool.shutdown();
		accepter.join();
		return good;
	}

	public static void main(String[] arguments) throws Exception {
		System.out.println("turns " + pingPong(1000));
		System.out.println("squares " + squares());
		System.out.println("echoed " + echo(50));
	}
}
