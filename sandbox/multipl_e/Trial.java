// What javac compiles when its archive is made: its classes for this are in the archive.
import java.io.*;
import java.lang.reflect.*;
import java.math.*;
import java.security.*;
import java.util.*;
import java.util.function.*;
import java.util.stream.*;

class Trial {
    interface Shape {
        double area();
    }

    record Circle(double radius) implements Shape {
        public double area() {
            return Math.PI * radius * radius;
        }
    }

    enum Colour {
        RED,
        BLUE
    }

    static abstract class Base<T extends Comparable<T>> implements Iterable<T> {
        protected final List<T> items = new ArrayList<>();

        abstract T largest() throws IOException;

        @Override
        public Iterator<T> iterator() {
            return new Iterator<T>() {
                int at = 0;

                public boolean hasNext() {
                    return at < items.size();
                }

                public T next() {
                    return items.get(at++);
                }
            };
        }
    }

    static ArrayList<Long> twice(ArrayList<Long> numbers, Optional<String> name) {
        Map<String, List<Integer>> found = new HashMap<>();
        for (long number : numbers) {
            found.computeIfAbsent(name.orElse("x") + number, key -> new ArrayList<>()).add((int) number);
        }
        int[][] table = new int[3][4];
        for (int i = 0; i < table.length; i++) {
            table[i][i % 4] += i ^ 1;
            if (table[i][0] > 2 && i != 1 || !found.isEmpty()) {
                continue;
            }
        }
        StringBuilder text = new StringBuilder();
        for (char letter : "letters".toCharArray()) {
            text.append(Character.isLetter(letter) ? Character.toUpperCase(letter) : '-').append(letter);
        }
        switch (text.toString()) {
            case "a":
                break;
            default:
                text.setLength(0);
        }
        int size = switch (numbers.size()) {
            case 0, 1 -> 1;
            default -> 2;
        };
        Function<Long, Long> more = x -> x * size;
        try (StringReader reader = new StringReader("x")) {
            reader.read();
        } catch (IOException | RuntimeException failure) {
            throw new IllegalStateException(failure);
        } finally {
            Collections.sort(numbers, Comparator.reverseOrder());
        }
        return numbers.stream()
                .filter(x -> x % 2 == 0)
                .map(more)
                .sorted(Comparator.comparing(x -> -x))
                .collect(Collectors.toCollection(ArrayList::new));
    }

    public static void main(String[] arguments) {
        Object circle = new Circle(1.0);
        if (circle instanceof Shape shape) {
            assert (shape.area() > 3.0f);
        }
        assert (twice(new ArrayList<Long>(Arrays.asList((long) 1l, (long) 2l)), Optional.empty())
                .equals((new ArrayList<Long>(Arrays.asList((long) 4l)))));
        System.out.println(Colour.RED + " " + BigInteger.TEN.pow(3) + String.format("%d%n", 1L));
        do {
            arguments = new String[0];
        } while (arguments.length > 0);
    }
}
